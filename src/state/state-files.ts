import { chown, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  digest,
  folderNameOf,
  identityText,
  isSame,
  parseIdentity,
  type DatabaseIdentity,
} from './identity.js';
import { replaceFile } from './state-folder.js';

/** A folder of one database's state; or of an address that has never led to any. */
export interface Home {
  readonly path: string;
  readonly identity: DatabaseIdentity | null;
}

/** Where each address led to the last time: digests of targets, and names of folders. */
const CONNECTIONS = 'connections.json';
const SPOOL = 'spool';

/** Says whose a folder is: that of a database, or of a process whose records are not of the database that it is in. */
export const IDENTITY = 'identity.json';

/**
 * The folder of ours, as it lies on disk.
 *
 * ```
 * nestjs-ip-tracking/
 *   connections.json      where each address led to the last time
 *   db-<digest>/          one database
 *     identity.json
 *     rules-...
 *     spool/<process>/    records on their way; an identity.json in it says otherwise than the one above
 *   new-<digest>/         an address that has never led anywhere
 *   sink-<digest>/        records for a sink of the host's, which no database tells apart
 * ```
 */
export class StateFiles {
  constructor(
    readonly folder: string,
    /** Where the connection options lead to, whatever form they have. */
    private readonly target: string,
  ) {}

  /** All folders of databases, and of addresses. */
  async homes(): Promise<Home[]> {
    const homes: Home[] = [];
    for (const name of await foldersIn(this.folder)) {
      const path = join(this.folder, name);
      if (name.startsWith('new-')) homes.push({ path, identity: null });
      else if (name.startsWith('db-')) homes.push({ path, identity: await identityIn(path) });
    }
    return homes;
  }

  /** The folders of processes in one of {@link homes}, and whose each is; null where nobody knows. */
  async processesIn(home: Home): Promise<Home[]> {
    const processes: Home[] = [];
    for (const name of await foldersIn(join(home.path, SPOOL))) {
      const path = join(home.path, SPOOL, name);
      processes.push({ path, identity: (await identityIn(path)) ?? home.identity });
    }
    return processes;
  }

  /** Where a database's folder is, or will be. */
  homeOf(identity: DatabaseIdentity): Home {
    return { path: join(this.folder, folderNameOf(identity)), identity };
  }

  /** Where this address' folder is while it has led nowhere. */
  get newHome(): Home {
    return { path: join(this.folder, `new-${digest(this.target)}`), identity: null };
  }

  /** The folder in which the processes of one of {@link homes} have theirs. */
  spoolOf(home: Home): string {
    return join(home.path, SPOOL);
  }

  /** Makes the folder for what belongs to no database, but to where a host sends it. */
  async sink(): Promise<string> {
    const path = join(this.folder, `sink-${digest(this.target)}`);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /** Makes a folder that says whose it is. */
  async make({ path, identity }: Home): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (identity !== null) await replaceFile(join(path, IDENTITY), identityText(identity));
  }

  /** Where this address led to the last time. */
  async lastSeen(): Promise<Home | null> {
    const name = (await this.connections())[digest(this.target)];
    if (name === undefined || name !== basename(name)) return null;
    const path = join(this.folder, name);
    const identity = await identityIn(path);
    return identity === null ? null : { path, identity };
  }

  /** Notes where this address leads to. */
  async remember(home: Home): Promise<void> {
    const name = basename(home.path);
    const connections = await this.connections();
    const target = digest(this.target);
    if (connections[target] === name) return;
    const content = JSON.stringify({ ...connections, [target]: name });
    await replaceFile(join(this.folder, CONNECTIONS), content);
  }

  /** A file that is none costs a boot without the database its rules, and nothing else: it is written anew. */
  private async connections(): Promise<Record<string, string>> {
    const text = await readFile(join(this.folder, CONNECTIONS), 'utf8').catch(() => '{}');
    try {
      const read: unknown = JSON.parse(text);
      const entries = Object.entries(read as Record<string, unknown>);
      return Object.fromEntries(
        entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      );
    } catch {
      return {};
    }
  }
}

/**
 * Says whose a process' records are, where the folder of the database that it is in does not. Whoever writes it, the
 * owner of the folder can read it: a command may be run as root.
 */
export async function labelProcess(path: string, identity: DatabaseIdentity): Promise<void> {
  const label = join(path, IDENTITY);
  const home = await identityIn(dirname(dirname(path)));
  if (home !== null && isSame(home, identity)) {
    await rm(label, { force: true });
    return;
  }
  await replaceFile(label, identityText(identity));
  const { uid, gid } = await stat(path);
  if (process.getuid?.() === 0 && uid !== 0) await chown(label, uid, gid);
}

async function identityIn(folder: string): Promise<DatabaseIdentity | null> {
  const text = await readFile(join(folder, IDENTITY), 'utf8').catch(() => '');
  return parseIdentity(text);
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessMissing);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
}

function unlessMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
