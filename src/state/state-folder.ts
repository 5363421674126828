import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/**
 * Where this module keeps what outlives a process, when the host does not say: a folder under the system's temporary
 * one, which exists and can be written in a container too, named after the user and the database. Right under it: with
 * a folder in between, whoever made that one first could put their own in the place of ours at any time.
 *
 * @param identity what tells one app's state from another's, such as its database's host and name.
 */
export function defaultStateFolder(identity: string): string {
  const name = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  return join(tmpdir(), `nestjs-ip-tracking-${process.getuid?.() ?? 'user'}-${name}`);
}

/**
 * Makes the folder, readable by this user alone (0700).
 *
 * A folder under a shared one may have been put there by somebody else, who then reads our rules or feeds us theirs: one
 * that is a link, or is not ours, is not used.
 *
 * @throws Error where it cannot be made, or is not safe to use.
 */
export async function openStateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  // With a slash at its end the path would lead through a link.
  const found = await lstat(resolve(path));
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
