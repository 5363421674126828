import { messageOf } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import { trackerKey } from '../net/tracker-key.js';
import { keyOf, stronger, type Finding } from './finding.js';
import type { Exemption, SavedFindings } from './suspicious-ip.repository.js';

/** So soon after the first of them findings are stored, in milliseconds. */
const FLUSH_MS = 200;
/** What goes on is written this often, in milliseconds. */
const AGAIN_MS = 60_000;
/** After a failure the next try comes after so many milliseconds. */
const RETRY_MS = 5_000;
const MAX_WAITING = 20_000;
const AT_ONCE = 2_000;

/** What {@link WaitingFindings} are stored by. */
export interface WaitingFindingsParts {
  save(findings: readonly Finding[]): Promise<SavedFindings>;
  now(): number;
  after(ms: number, call: () => void): () => void;
  warn(message: string): void;
}

/** Findings on their way to the database: in batches, each subject and detector once, and what goes on not all the time. */
export class WaitingFindings {
  private waiting = new Map<string, Finding>();
  /** Those among them that something follows from. */
  private readonly urgent = new Set<string>();
  /** When what was stored lately was stored, the oldest first. */
  private readonly storedAtMs = new Map<string, number>();
  private callOff: (() => void) | null = null;
  /** What is being stored, and what is to be once that is done. */
  private flushing: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;
  private isAllNext = false;
  private isStopped = false;
  private isFailing = false;
  /** The flush that is awaited is for something new. */
  private isSoon = false;
  dropped = 0;
  readonly exempted: Partial<Record<Exemption, number>> = {};

  constructor(private readonly parts: WaitingFindingsParts) {}

  get size(): number {
    return this.waiting.size;
  }

  /** @param isUrgent something follows from it: it is stored soon whatever was before, and never dropped. */
  add(finding: Finding, isUrgent = false): void {
    const key = keyOf(finding);
    const before = this.waiting.get(key);
    if (isUrgent) this.urgent.add(key);
    else if (before === undefined && this.waiting.size >= MAX_WAITING) {
      this.dropped += 1;
      return;
    }
    // Whichever says more: what is on its way to the database is another one, and this is to follow it.
    this.waiting.set(key, before === undefined ? finding : { ...stronger(finding, before) });
    this.wait(isUrgent || !this.storedAtMs.has(key) ? FLUSH_MS : AGAIN_MS);
  }

  /** Forgets what waits of clients. */
  forget(clients: readonly IpAddress[]): void {
    const gone = new Set(clients.map((client) => trackerKey(client)));
    for (const [key, { subjectKind, subject }] of this.waiting) {
      if (subjectKind !== 'client' || !gone.has(subject)) continue;
      this.waiting.delete(key);
      this.urgent.delete(key);
    }
  }

  /** Stores what is due, or all of it. Whoever asks while that goes on shares one turn after it. Never rejects. */
  flush(isAll: boolean): Promise<void> {
    this.isAllNext ||= isAll;
    this.next ??= this.flushing.then(() => this.take());
    return this.next;
  }

  stop(): void {
    this.isStopped = true;
    this.callOff?.();
  }

  private wait(ms: number): void {
    if (this.isStopped || this.isFailing) return;
    // What is new is not kept waiting by what goes on.
    if (this.callOff !== null && ms !== FLUSH_MS) return;
    if (this.callOff !== null && this.isSoon) return;
    this.callOff?.();
    this.isSoon = ms === FLUSH_MS;
    this.callOff = this.parts.after(ms, () => {
      this.callOff = null;
      this.isFailing = false;
      void this.flush(false);
    });
  }

  private take(): Promise<void> {
    // What is thrown beside the database, as by a host's logger, must not keep the next turn from coming.
    this.flushing = this.store(this.isAllNext).catch(() => undefined);
    this.next = null;
    this.isAllNext = false;
    return this.flushing;
  }

  private async store(isAll: boolean): Promise<void> {
    const nowMs = this.parts.now();
    const due = [...this.waiting].filter(([key]) => {
      const storedAtMs = this.storedAtMs.get(key);
      const isNew = storedAtMs === undefined || this.urgent.has(key);
      // A clock that was set back must not keep waiting what it has stored in its future.
      return isAll || isNew || Math.abs(nowMs - storedAtMs) >= AGAIN_MS;
    });
    for (let from = 0; from < due.length; from += AT_ONCE) {
      const batch = due.slice(from, from + AT_ONCE);
      // What becomes urgent while these are stored is so for the next time.
      const urgent = batch
        .filter(([key, finding]) => this.waiting.get(key) === finding && this.urgent.delete(key))
        .map(([key]) => key);
      try {
        const { exempted } = await this.parts.save(batch.map(([, finding]) => finding));
        for (const [why, count] of Object.entries(exempted) as [Exemption, number][]) {
          this.exempted[why] = (this.exempted[why] ?? 0) + count;
        }
      } catch (error) {
        for (const key of urgent) if (this.waiting.has(key)) this.urgent.add(key);
        this.failed(error);
        return;
      }
      for (const [key, finding] of batch) {
        // What has been found since stays.
        if (this.waiting.get(key) === finding) this.waiting.delete(key);
        this.remember(key, nowMs);
      }
    }
    if (this.waiting.size > 0) this.wait(AGAIN_MS);
  }

  private remember(key: string, nowMs: number): void {
    this.storedAtMs.delete(key);
    this.storedAtMs.set(key, nowMs);
    if (this.storedAtMs.size <= MAX_WAITING) return;
    for (const oldest of this.storedAtMs.keys()) {
      this.storedAtMs.delete(oldest);
      return;
    }
  }

  private failed(error: unknown): void {
    if (!this.isFailing) {
      this.parts.warn(`findings wait to be stored: ${messageOf(error)}`);
    }
    this.callOff?.();
    this.callOff = null;
    this.isFailing = false;
    this.wait(RETRY_MS);
    this.isFailing = true;
  }
}
