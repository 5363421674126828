import { basename } from 'node:path';
import { within } from '../within.js';
import { identityText, isRelated, isSame, type DatabaseIdentity } from './identity.js';
import type { Home, StateFiles } from './state-files.js';

/** What a {@link State} needs besides its files. */
export interface StateParts {
  /** Whether it leaves everything as it is: a command may be another user than the app. */
  isReader: boolean;
  /** Asks the database who it is. */
  identify(): Promise<DatabaseIdentity>;
  /** Told once of each database whose state is set aside though it is related to ours. */
  onRelated(other: OtherState): void;
  /** Told once why the database cannot say who it is, where it could be reached. */
  onUnknown(error: unknown): void;
  /** Whether an error is an outage, which others report. */
  isPassing(error: unknown): boolean;
}

/** The state of a database that is not the one that is reached. */
export interface OtherState {
  /** Its name, for the command that adopts it. */
  readonly name: string;
  readonly path: string;
  /** Whether one has come of the other: a clone, an upgrade, a copy by template, a restored dump, a schema made anew. */
  readonly isRelated: boolean;
  /** The folders of processes whose records belong to it, those of running ones included. */
  readonly processes: readonly string[];
}

/**
 * What outlives a process, told apart by the database that it belongs to: not by how that is reached, since one address
 * may lead to another database tomorrow, and one database has many.
 *
 * While the database cannot be asked who it is, what its address led to the last time holds provisionally: its rules may
 * act, since refusing and letting in cannot wait; records of earlier processes stay where they are, since they can.
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
    private readonly files: StateFiles,
    private readonly parts: StateParts,
  ) {}

  /** The database that is reached, if it has said who it is and nothing has happened since; else null. */
  get verified(): DatabaseIdentity | null {
    return this.isDoubted ? null : this.identity;
  }

  /** Whether the database has said who it is, and nothing has happened since. */
  get isVerified(): boolean {
    return this.verified !== null;
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

  /** Names the database that is reached now; null where it cannot be learnt. Never rejects. */
  async whose(): Promise<string | null> {
    const identity = await this.verify();
    return identity === null ? null : identityText(identity);
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

  /** The folder in which this process makes its own for records on their way; the same for its whole life. */
  async spool(): Promise<string> {
    await this.begin();
    return this.files.spoolOf(this.own!);
  }

  /** The folder for what belongs to no database, but to where the host sends it. */
  sink(): Promise<string> {
    return this.files.sink();
  }

  /**
   * The folders of processes whose records belong to the database that was reached last; null where none has said who it
   * is. Until {@link isVerified} it may be another one by now.
   */
  async processes(): Promise<{ whose: DatabaseIdentity; paths: string[] } | null> {
    const whose = (await this.verify()) ?? this.identity;
    if (whose === null) return null;
    const paths: string[] = [];
    for (const home of await this.files.homes()) {
      const isOfAddress = home.path === this.files.newHome.path;
      for (const { path, identity } of await this.files.processesIn(home)) {
        if (identity === null ? isOfAddress : isSame(identity, whose)) paths.push(path);
      }
    }
    return { whose, paths };
  }

  /** The states of other databases; null where the one that is reached has not said who it is. */
  async others(): Promise<OtherState[] | null> {
    const identity = await this.verify();
    return identity === null ? null : this.othersThan(identity, await this.files.homes());
  }

  private async othersThan(ours: DatabaseIdentity, homes: readonly Home[]): Promise<OtherState[]> {
    const processes: Home[] = [];
    for (const home of homes) processes.push(...(await this.files.processesIn(home)));
    return homes.flatMap(({ path, identity }) => {
      if (identity === null || isSame(identity, ours)) return [];
      const its = processes.filter((process) => process.identity !== null);
      return [
        {
          name: basename(path),
          path,
          isRelated: isRelated(identity, ours),
          processes: its
            .filter((process) => isSame(process.identity!, identity))
            .map((process) => process.path),
        },
      ];
    });
  }

  private homeOf(identity: DatabaseIdentity): Home {
    for (const home of [this.own, this.expected]) {
      if (home?.identity && isSame(home.identity, identity)) return home;
    }
    return this.files.homeOf(identity);
  }

  private async settle(patienceMs: number): Promise<void> {
    await this.recall();
    await within(patienceMs, this.verify());
    if (this.isVerified) {
      this.own = this.homeOf(this.identity!);
      return;
    }
    this.own = this.expected ?? this.files.newHome;
    // What cannot be made is said by whoever wants to write there.
    if (!this.parts.isReader) await this.files.make(this.own).catch(() => undefined);
  }

  /** Learns where the address led to the last time. */
  private recall(): Promise<void> {
    this.recalling ??= this.files.lastSeen().then(
      (home) => {
        this.expected = home;
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
    const homes = await this.files.homes();
    const known = homes.find((home) => home.identity !== null && isSame(home.identity, identity));
    const home = known ?? this.files.homeOf(identity);
    const before = this.expected;
    if (!this.parts.isReader) {
      if (known === undefined) await this.files.make(home);
      await this.files.remember(home);
    }
    this.identity = home.identity;
    this.expected = home;
    for (const other of await this.othersThan(identity, homes)) {
      // One that nobody has left anything in concerns only whom the same address led to it.
      if (!other.isRelated || (other.processes.length === 0 && other.path !== before?.path))
        continue;
      this.once(other.name, () => this.parts.onRelated(other));
    }
  }

  private once(what: string, tell: () => void): void {
    if (this.told.has(what)) return;
    this.told.add(what);
    tell();
  }
}
