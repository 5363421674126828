import type { NewBanEvent } from './ban-event.js';

const HOUR_MS = 3_600_000;
/** Entries an hour that have a row of their own; one row stands for those beyond. */
const MOST_AN_HOUR = 200;
/** Clients of which it is remembered that their entry was made. */
const MAX_REMEMBERED = 10_000;

/**
 * Entries of the audit about bans that were not made, on their way to it: each client and reason once an hour, and no
 * more of them than people could read, so that a flood of clients makes no flood of rows.
 */
export class AuditNotes {
  private readonly notedAtMs = new Map<string, number>();
  private waiting: NewBanEvent[] = [];
  private readonly beyond = new Map<string, number>();
  private hourEndsMs = Number.NEGATIVE_INFINITY;
  private left = 0;

  /** Whether anything waits. */
  get isEmpty(): boolean {
    return this.waiting.length === 0 && (this.beyond.size === 0 || this.left > 0);
  }

  add(event: NewBanEvent, nowMs: number): void {
    const key = `${event.event} ${event.code} ${event.network ?? event.subject}`;
    const before = this.notedAtMs.get(key);
    if (before !== undefined && Math.abs(nowMs - before) < HOUR_MS) return;
    if (nowMs >= this.hourEndsMs || nowMs < this.hourEndsMs - HOUR_MS) {
      this.sum();
      this.hourEndsMs = nowMs + HOUR_MS;
      this.left = MOST_AN_HOUR;
    }
    this.remember(key, nowMs);
    if (this.left > 0) {
      this.left -= 1;
      this.waiting.push(event);
      return;
    }
    const kind = `${event.event} ${event.code}`;
    this.beyond.set(kind, (this.beyond.get(kind) ?? 0) + 1);
  }

  /** What is to be written now; it is given once. */
  take(nowMs: number): NewBanEvent[] {
    if (nowMs >= this.hourEndsMs) this.sum();
    return this.waiting.splice(0);
  }

  /** What could not be written comes back. */
  giveBack(events: readonly NewBanEvent[]): void {
    this.waiting = [...events, ...this.waiting].slice(0, 4 * MOST_AN_HOUR);
  }

  private sum(): void {
    for (const [kind, clients] of this.beyond) {
      const [event, code] = kind.split(' ') as ['softened' | 'refused', string];
      const reason = `${clients} more clients within an hour, for the same reason`;
      this.waiting.push({ event, code, reason, clients, actor: 'detection' });
    }
    this.beyond.clear();
  }

  private remember(key: string, nowMs: number): void {
    this.notedAtMs.delete(key);
    this.notedAtMs.set(key, nowMs);
    if (this.notedAtMs.size <= MAX_REMEMBERED) return;
    for (const oldest of this.notedAtMs.keys()) {
      this.notedAtMs.delete(oldest);
      return;
    }
  }
}
