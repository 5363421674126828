import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The folder of ours inside of whatever folder a host or the system gives. */
const OURS = 'nestjs-ip-tracking';

/** Where the state goes. */
export interface StatePlace {
  /** The folder that is ours alone. */
  readonly path: string;
  /** Whether a system may sweep it while nobody looks. */
  readonly isSwept: boolean;
}

/** Where a host says: a folder of ours inside of that one, which stays as it is. */
export function stateFolderIn(stateDir: string): StatePlace {
  return { path: join(stateDir, OURS), isSwept: false };
}

/**
 * Where this module keeps what outlives a process, when the host does not say: the user's folder for state, by the XDG
 * Base Directory Specification 0.8 (`$XDG_STATE_HOME`, or `~/.local/state`).
 */
export function defaultStateFolder(environment: NodeJS.ProcessEnv = process.env): StatePlace {
  const given = environment['XDG_STATE_HOME'] ?? '';
  // The specification has relative ones ignored.
  return stateFolderIn(isAbsolute(given) ? given : join(homedir(), '.local', 'state'));
}

/**
 * Where there is no home, as in many containers: a folder under the system's temporary one, named after the user. Right
 * under it: with a folder in between, whoever made that one first could put their own in the place of ours at any time.
 */
export function temporaryStateFolder(): StatePlace {
  return { path: join(tmpdir(), `${OURS}-${process.getuid?.() ?? 'user'}`), isSwept: true };
}

/**
 * Makes a folder of ours, readable by this user alone (0700), and those above it where they are missing.
 *
 * A folder under a shared one may have been put there by somebody else, who then reads our rules or feeds us theirs: one
 * that is a link, or is not ours, is not used. Nothing is done to a folder that has no name of ours.
 *
 * @throws Error where it cannot be made, or is not safe to use.
 */
export async function openStateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  const uid = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`${path} is not a folder`);
  if (uid !== undefined && found.uid !== uid) {
    throw new Error(`${path} belongs to another user`);
  }
  if ((found.mode & 0o077) !== 0) await chmod(path, 0o700);
}

/** Writes a file so that a reader finds the old one or the new one whole, whatever happens meanwhile. */
export async function replaceFile(path: string, content: string | Buffer): Promise<void> {
  const unfinished = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
