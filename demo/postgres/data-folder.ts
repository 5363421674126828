import {
  access,
  chmod,
  chown,
  constants,
  mkdir,
  readFile,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DemoError } from '../demo-error.js';
import { choosePostgresUser, type PostgresUser } from './postgres-user.js';
import { canEnter, traversableFolder } from './traversable-folder.js';

/** Where the data really is, and whom PostgreSQL runs as there. */
export interface DataFolder {
  readonly path: string;
  readonly user: PostgresUser;
  /** A folder that `user` can enter, for copies of programs it cannot reach. */
  copiesFolder(): Promise<string>;
}

export interface DataFolderRequest {
  readonly dataDir: string;
  /** @default a folder under /var/tmp */
  readonly fallbackDir?: string | undefined;
  readonly log: (line: string) => void;
}

/** Left in the folder that was asked for, when the data had to go elsewhere. */
const LOCATION_FILE = 'location.json';

/**
 * Opens the folder for PostgreSQL's data. Where it lies under a folder that PostgreSQL's user cannot enter (root in a
 * private checkout), the data goes to one that it can, and a note in its place says where.
 */
export async function openDataFolder(request: DataFolderRequest): Promise<DataFolder> {
  const asked = resolve(request.dataDir);
  const remembered = await rememberedLocation(asked, request.log);
  const user = await choosePostgresUser(remembered ?? asked);
  const fallback = async () => request.fallbackDir ?? (await traversableFolder(asked, user));
  const folder = (path: string): DataFolder => ({
    path,
    user,
    copiesFolder: async () => (user.ids ? fallback() : path),
  });

  if (remembered) {
    await prepare(remembered, user);
    request.log(`The data is in ${remembered}.`);
    return folder(remembered);
  }
  await makeFolder(dirname(asked), user);
  if (await canEnter(dirname(asked), user)) {
    await prepare(asked, user);
    return folder(asked);
  }
  const elsewhere = join(await fallback(), 'postgres');
  await prepare(elsewhere, user);
  await writing(asked, async () => {
    await makeFolders(asked, user);
    const note = { dataDir: elsewhere, why: `${user.name} cannot enter ${dirname(asked)}` };
    await writeFile(join(asked, LOCATION_FILE), `${JSON.stringify(note, null, 2)}\n`);
  });
  request.log(
    `PostgreSQL runs as ${user.name}, who cannot enter this folder: the data is in ${elsewhere}.`,
  );
  return folder(elsewhere);
}

async function rememberedLocation(
  asked: string,
  log: (line: string) => void,
): Promise<string | null> {
  let dataDir: unknown;
  try {
    const note = await readFile(join(asked, LOCATION_FILE), 'utf8');
    dataDir = (JSON.parse(note) as { dataDir?: unknown }).dataDir;
  } catch {
    return null;
  }
  if (typeof dataDir !== 'string') return null;
  if (await stat(dataDir).catch(() => null)) return dataDir;
  log(`The data that was in ${dataDir} is gone: starting afresh.`);
  return null;
}

/** Makes `path` a folder that `user` alone can read, and asks whether it can be written. */
async function prepare(path: string, user: PostgresUser): Promise<void> {
  await makeFolder(path, user);
  await writing(path, async () => {
    if (user.ids) await chown(path, user.ids.uid, user.ids.gid);
    await chmod(path, 0o700);
    // Asked, not tried: a file of ours, however short its life, would be in the way of another start's initdb.
    await access(path, constants.W_OK);
  });
}

async function makeFolder(path: string, user: PostgresUser): Promise<void> {
  await writing(path, () => makeFolders(path, user));
}

/** One by one: where a file system takes no folders (/proc), the recursive mkdir of Node 20 never comes back. */
async function makeFolders(path: string, user: PostgresUser, isSecondTry = false): Promise<void> {
  try {
    await mkdir(path);
    // Under root's umask 077 a new folder would shut PostgreSQL's user out.
    if (user.ids) await chmod(path, 0o755);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || isSecondTry) throw error;
    await makeFolders(dirname(path), user);
    await makeFolders(path, user, true);
  }
}

async function writing(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new DemoError(
      `The data folder ${path} cannot be written (${reasonOf(error as NodeJS.ErrnoException)}): ` +
        'make it writable for this user, or set DATABASE_URL to a PostgreSQL of your own.',
      undefined,
      { cause: error },
    );
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  const reasons: Record<string, string> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'read-only file system',
    ENOSPC: 'no space left on the disk',
    ENOENT: 'this file system takes no folders',
    ENOTDIR: 'a part of its path is a file',
    EEXIST: 'a file has its name',
  };
  return reasons[error.code ?? ''] ?? error.message;
}
