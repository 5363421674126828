import { messageOf } from '../ip-tracking.errors.js';
import { within } from '../within.js';
import type { AuditNotes } from './audit-notes.js';
import type { NewBanEvent } from './ban-event.js';
import type { BanFile } from './ban-file.js';
import type { BanFollower } from './ban-follower.js';
import type { BansInForce } from './bans-in-force.js';
import type { KnownUsers } from './known-users.js';
import type { Responder } from './responder.js';
import type { WouldHave } from './would-have.js';

/** How often it is looked what is to be done, in milliseconds. */
const TICK_MS = 5_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A ban that is stored at once needs no file: it is written where it still waits after so many milliseconds. */
const FILE_AFTER_MS = 1_000;
/** How long the start waits for what the database remembers, in milliseconds. */
const START_PATIENCE_MS = 1_000;

/** What {@link ResponseWork} does it with. */
export interface ResponseWorkParts {
  readonly isOn: boolean;
  readonly responder: Responder;
  readonly force: BansInForce;
  readonly notes: AuditNotes;
  readonly users: KnownUsers;
  readonly wouldHave: WouldHave;
  /** Null where nothing outlives the process. */
  readonly file: BanFile | null;
  readonly follower: BanFollower;
  /** Whether changes are notified right now. */
  isListening(): boolean;
  /** Learns anew what is protected. */
  learnProtected(): Promise<void>;
  write(events: readonly NewBanEvent[]): Promise<void>;
  expire(): Promise<unknown>;
  /** Stores the pardons that the database could not be told of. */
  storePardons(): Promise<void>;
  forgetUsers(): Promise<void>;
  now(): number;
  after(ms: number, call: () => void): () => void;
  /** Whether an error is an outage, which others report. */
  isPassing(error: unknown): boolean;
  warn(message: string): void;
  log(message: string): void;
}

/** What the response does from time to time: it lets go of what is over, and keeps memory, file and database together. */
export class ResponseWork {
  private callOff: (() => void) | null = null;
  private callOffFile: (() => void) | null = null;
  private isStopped = true;
  private hasFailed = false;
  private minuteAtMs = Number.NEGATIVE_INFINITY;
  private dayAtMs = Number.NEGATIVE_INFINITY;
  private filing: Promise<void> = Promise.resolve();
  /** Files of other processes, by the ids of their bans that are not stored. */
  private readonly found = new Map<string, Set<string>>();

  constructor(private readonly parts: ResponseWorkParts) {}

  /** Takes over what earlier processes have left, and begins. Never rejects, and waits for the database only shortly. */
  async start(): Promise<void> {
    const { isOn, follower } = this.parts;
    this.isStopped = false;
    if (isOn) await this.takeOver();
    const learning = this.safely(async () => {
      if (isOn) await follower.follow();
      await this.parts.learnProtected();
    });
    await within(START_PATIENCE_MS, learning);
    this.wait();
  }

  /** Ends it; what the database has not got is left to the next process. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.callOff?.();
    this.callOffFile?.();
    if (this.parts.isOn) await this.writeFile();
  }

  /** Other rules hold: those that findings have waited for may be known. */
  rulesChanged(): void {
    if (!this.isStopped) this.parts.responder.rulesChanged();
  }

  /** What the database has not got has changed. */
  pendingChanged(): void {
    if (this.parts.file === null || this.callOffFile !== null || this.isStopped) return;
    this.callOffFile = this.parts.after(FILE_AFTER_MS, () => {
      this.callOffFile = null;
      void this.writeFile();
    });
  }

  private async takeOver(): Promise<void> {
    const { file, responder, now, warn } = this.parts;
    try {
      for (const { path, bans } of (await file?.read(now())) ?? []) {
        this.found.set(path, new Set(bans.map(({ id }) => id)));
        responder.takeOver(bans);
      }
    } catch (error) {
      warn(`bans of earlier processes cannot be read: ${messageOf(error)}`);
    }
  }

  private async writeFile(): Promise<void> {
    const { file, force, warn } = this.parts;
    if (file === null) return;
    this.filing = this.filing
      .then(() => file.write(force.pending()))
      .catch((error: unknown) => {
        if (this.hasFailed) return;
        this.hasFailed = true;
        warn(`bans that are not stored yet cannot be kept on disk: ${messageOf(error)}`);
      });
    await this.filing;
    await this.removeFound();
  }

  /** A file of another process goes once all that it has is stored. */
  private async removeFound(): Promise<void> {
    const pending = new Set([...this.parts.force.pending()].map(({ id }) => id));
    for (const [path, ids] of this.found) {
      if ([...ids].some((id) => pending.has(id))) continue;
      this.found.delete(path);
      await this.parts.file?.remove(path);
    }
  }

  private wait(): void {
    if (this.isStopped) return;
    this.callOff = this.parts.after(TICK_MS, () => void this.tick().finally(() => this.wait()));
  }

  private async tick(): Promise<void> {
    const { force, responder, isOn, follower, isListening, now } = this.parts;
    const nowMs = now();
    force.sweep(nowMs);
    responder.goOn();
    await this.safely(async () => {
      // Before anything is banned anew, in whatever process.
      if (isOn) await this.parts.storePardons();
      if (isOn) await responder.handOver();
      if (isOn && !isListening()) await follower.follow();
      await this.parts.users.learn();
    });
    if (Math.abs(nowMs - this.minuteAtMs) >= MINUTE_MS) {
      this.minuteAtMs = nowMs;
      await this.everyMinute(nowMs);
    }
  }

  private async everyMinute(nowMs: number): Promise<void> {
    const { isOn, notes, wouldHave, log } = this.parts;
    await this.safely(() => this.parts.learnProtected());
    if (!isOn) {
      const line = wouldHave.line(nowMs);
      if (line !== null) log(line);
    } else {
      await this.safely(async () => {
        await this.parts.expire();
        const events = notes.take(nowMs);
        await this.parts.write(events).catch((error: unknown) => {
          notes.giveBack(events);
          throw error;
        });
      });
    }
    if (Math.abs(nowMs - this.dayAtMs) < DAY_MS) return;
    this.dayAtMs = nowMs;
    await this.safely(() => this.parts.forgetUsers());
  }

  private async safely(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.hasFailed || this.isStopped || this.parts.isPassing(error)) return;
      this.hasFailed = true;
      this.parts.warn(`what follows from findings cannot be kept up: ${messageOf(error)}`);
    }
  }
}
