import { chown, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  digest,
  folderNameOf,
  identityText,
  isRelated,
  isSame,
  parseIdentity,
  type DatabaseIdentity,
} from './identity.js';
import { replaceFile } from './state-folder.js';
import { within } from '../within.js';

/** What a {@link State} needs besides its folder. */
export interface StateParts {
  /** Where the connection options lead to, whatever form they have. */
  target: string;
  /** Whether it leaves everything as it is: a command may be another user than the app. */
  isReader: boolean;
  /** Asks the database who it is. */
  identify(): Promise<DatabaseIdentity>;
  /** Told once of each database whose state is set aside though it is related to ours. */
  onRelated(folder: RelatedState): void;
  /** Told once why the database cannot say who it is, where it could be reached. */
  onUnknown(error: unknown): void;
  /** Whether an error is an outage, which others report. */
  isPassing(error: unknown): boolean;
}

/** The state of a database that is not ours, but that ours has come of, or that has come of ours. */
export interface RelatedState {
  /** Its name, for the command that adopts it. */
  readonly name: string;
  readonly path: string;
  readonly identity: DatabaseIdentity;
  /** Whether a process of it has left anything there, or is still at work. */
  readonly hasProcesses: boolean;
}

/** A folder of one database's state; or of one whose identity nobody has ever learnt. */
interface Home {
  readonly path: string;
  readonly identity: DatabaseIdentity | null;
}

/** Where each connection led to the last time: digests of targets, and names of folders. */
const CONNECTIONS = 'connections.json';
const IDENTITY = 'identity.json';
/** In the folder of a database: one folder a process, with its records on their way. */
export const SPOOL = 'spool';

/**
 * What outlives a process, told apart by the database that it belongs to: not by how that is reached, since one address
 * may lead to another database tomorrow, and one database has many.
 *
 * While the database cannot be asked who it is, what its address led to the last time holds provisionally: its rules may
 * act, since refusing and letting in cannot wait; records of earlier processes stay where they are, since they can.
 *
 * ```
 * nestjs-ip-tracking/
 *   connections.json      where each address led to
 *   db-<digest>/          one database
 *     identity.json
 *     rules.txt ...
 *     spool/<process>/    records on their way; identity.json in it says otherwise than the one above
 *   new-<digest>/         an address that has never led anywhere
 *   sink-<digest>/        records for a sink of the host's, which no database can tell apart
 * ```
 */
export class State {
  private identity: DatabaseIdentity | null = null;
  private expected: Home | null = null;
  private own: Home | null = null;
  private isDoubted = true;
  private recalling: Promise<void> | null = null;
  private beginning: Promise<void> | null = null;
  private verifying: Promise<DatabaseIdentity | null> | null = null;
  private readonly told = new Set<string>();

  constructor(
    /** The folder of ours; it exists. */
    readonly folder: string,
    private readonly parts: StateParts,
  ) {}

  /** Whether the database has said who it is, and nothing has happened since. */
  get isVerified(): boolean {
    return this.identity !== null && !this.isDoubted;
  }

  /** Learns where this process keeps its own, and waits for the database for no longer than `patienceMs`. Never rejects. */
  begin(patienceMs = 0): Promise<void> {
    this.beginning ??= this.settle(patienceMs);
    return this.beginning;
  }

  /**
   * Asks the database who it is, unless it is known.
   *
   * @returns null where it cannot be learnt. Never rejects.
   */
  verify(): Promise<DatabaseIdentity | null> {
    if (this.isVerified) return Promise.resolve(this.identity);
    this.verifying ??= this.learn().finally(() => {
      this.verifying = null;
    });
    return this.verifying;
  }

  /** Something has happened after which the same address may lead to another database. */
  doubt(): void {
    this.isDoubted = true;
  }

  /** The folder of what a boot without the database may act on; null where there has never been any. Never rejects. */
  async readable(): Promise<string | null> {
    await this.recall();
    if (this.isVerified) return this.homeOf(this.identity!).path;
    return this.expected?.path ?? null;
  }

  /** The folder of the database that is reached now; null where it has not said who it is. Never rejects. */
  async writable(): Promise<string | null> {
    const identity = await this.verify();
    return identity === null ? null : this.homeOf(identity).path;
  }

  /** The folder where this process keeps what is its own, for its whole life. */
  async home(): Promise<Home> {
    await this.begin();
    return this.own!;
  }

  /** The folder for what belongs to no database, but to where the host sends it. */
  async sinkHome(): Promise<string> {
    const path = join(this.folder, `sink-${digest(this.parts.target)}`);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  /**
   * The folders of processes whose records belong to the database that was reached last; null where none has said who it
   * is. Until {@link isVerified} it may be another one by now.
   */
  async processes(): Promise<{ whose: DatabaseIdentity; paths: string[] } | null> {
    const whose = (await this.verify()) ?? this.identity;
    if (whose === null) return null;
    const paths: string[] = [];
    for (const { path, identity } of await this.homes()) {
      const isOfTarget = identity === null && basename(path) === this.newName;
      for (const name of await foldersIn(join(path, SPOOL))) {
        const process = join(path, SPOOL, name);
        const said = await identityIn(process);
        const belongs = said ?? identity;
        if (belongs === null ? isOfTarget : isSame(belongs, whose)) paths.push(process);
      }
    }
    return { whose, paths };
  }

  /** The folders of databases that are related to the one that is reached now. */
  async related(): Promise<RelatedState[]> {
    const identity = await this.verify();
    if (identity === null) return [];
    return this.relatedAmong(await this.homes(), identity);
  }

  private get newName(): string {
    return `new-${digest(this.parts.target)}`;
  }

  private homeOf(identity: DatabaseIdentity): Home {
    const { own, expected } = this;
    for (const home of [own, expected]) {
      if (home?.identity && isSame(home.identity, identity)) return home;
    }
    return { path: join(this.folder, folderNameOf(identity)), identity };
  }

  private async settle(patienceMs: number): Promise<void> {
    await this.recall();
    await within(patienceMs, this.verify());
    if (this.isVerified) {
      this.own = this.homeOf(this.identity!);
      return;
    }
    this.own = this.expected ?? { path: join(this.folder, this.newName), identity: null };
    if (this.parts.isReader) return;
    await mkdir(this.own.path, { recursive: true, mode: 0o700 }).catch(() => undefined);
  }

  /** Learns where the address led to the last time. */
  private recall(): Promise<void> {
    this.recalling ??= this.lastSeen().then(
      (home) => {
        this.expected ??= home;
      },
      () => undefined,
    );
    return this.recalling;
  }

  private async learn(): Promise<DatabaseIdentity | null> {
    try {
      // What happens while it is asked is doubt anew.
      this.isDoubted = false;
      const [identity] = await Promise.all([this.parts.identify(), this.recall()]);
      if (this.identity === null || !isSame(this.identity, identity)) await this.take(identity);
      return this.isVerified ? this.identity : null;
    } catch (error) {
      this.isDoubted = true;
      if (!this.parts.isPassing(error)) this.once('unknown', () => this.parts.onUnknown(error));
      return null;
    }
  }

  /** Makes sure that there is a folder for the database, and says what else there is. */
  private async take(identity: DatabaseIdentity): Promise<void> {
    const homes = await this.homes();
    const known = homes.find((home) => home.identity !== null && isSame(home.identity, identity));
    const home = known ?? { path: join(this.folder, folderNameOf(identity)), identity };
    if (known === undefined && !this.parts.isReader) {
      await mkdir(home.path, { recursive: true, mode: 0o700 });
      await replaceFile(join(home.path, IDENTITY), identityText(identity));
    }
    const before = this.expected;
    this.identity = known?.identity ?? identity;
    this.expected = home;
    if (!this.parts.isReader) await this.remember(basename(home.path));
    for (const related of await this.relatedAmong(homes, identity)) {
      // One that nobody has left anything in concerns only whom the same address led to it.
      if (!related.hasProcesses && related.path !== before?.path) continue;
      this.once(related.name, () => this.parts.onRelated(related));
    }
  }

  private async relatedAmong(
    homes: readonly Home[],
    ours: DatabaseIdentity,
  ): Promise<RelatedState[]> {
    const related: RelatedState[] = [];
    for (const { path, identity } of homes) {
      if (identity === null || !isRelated(identity, ours)) continue;
      const hasProcesses = (await foldersIn(join(path, SPOOL))).length > 0;
      related.push({ name: basename(path), path, identity, hasProcesses });
    }
    return related;
  }

  private async homes(): Promise<Home[]> {
    const homes: Home[] = [];
    for (const name of await foldersIn(this.folder)) {
      const path = join(this.folder, name);
      if (name.startsWith('new-')) homes.push({ path, identity: null });
      else if (name.startsWith('db-')) homes.push({ path, identity: await identityIn(path) });
    }
    return homes;
  }

  private async lastSeen(): Promise<Home | null> {
    const name = (await this.connections())[digest(this.parts.target)];
    if (name === undefined || name !== basename(name)) return null;
    const path = join(this.folder, name);
    const identity = await identityIn(path);
    return identity === null ? null : { path, identity };
  }

  private async remember(name: string): Promise<void> {
    const connections = await this.connections();
    const target = digest(this.parts.target);
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

  private once(what: string, tell: () => void): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    tell();
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

/** The file of {@link labelProcess}. */
export const LABEL = IDENTITY;

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
