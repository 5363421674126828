import type { ClientKey } from '../net/client-key.js';

const MINUTE_MS = 60_000;
/** How many minutes have a place of their own: an hour, and the one that is under way. */
const MINUTES = 61;
/** Where a count stands in the number that it shares with a minute: 2^25 minutes are 63 years. */
const COUNT = 2 ** 25;
/** Clients of which requests are counted; those who come later are not. */
const MAX_CLIENTS = 2_000_000;

/** How many requests each client has sent, and how many clients there were within the last hour. */
export class ClientCounts {
  /** The count, and the minute of the last request, as one number: a log may have a million clients. */
  private readonly packed = new Map<ClientKey, number>();
  private readonly clientsOfMinute = Array.from({ length: MINUTES }, () => 0);
  private minute = 0;
  /** There were more clients than are counted. */
  isFull = false;

  /** Counts a request. @param atMs epoch milliseconds, never earlier than before. */
  count(key: ClientKey, atMs: number): void {
    const minute = Math.floor(atMs / MINUTE_MS) % COUNT;
    this.moveTo(minute);
    const before = this.packed.get(key);
    if (before === undefined && this.packed.size >= MAX_CLIENTS) {
      this.isFull = true;
      return;
    }
    const count = before === undefined ? 0 : Math.floor(before / COUNT);
    const last = before === undefined ? -1 : before % COUNT;
    this.packed.set(key, (count + 1) * COUNT + this.minute);
    if (last === this.minute) return;
    if (last > this.minute - MINUTES && last >= 0) this.clientsOfMinute[last % MINUTES]! -= 1;
    this.clientsOfMinute[this.minute % MINUTES]! += 1;
  }

  /** Requests of a client. */
  of(key: ClientKey): number {
    return Math.floor((this.packed.get(key) ?? 0) / COUNT);
  }

  /** All clients. */
  get size(): number {
    return this.packed.size;
  }

  /** Clients of the last hour, to the minute. */
  get inLastHour(): number {
    return this.clientsOfMinute.reduce((sum, clients) => sum + clients, 0);
  }

  private moveTo(minute: number): void {
    if (minute <= this.minute) return;
    const passed = Math.min(MINUTES, minute - this.minute);
    for (let i = 1; i <= passed; i++) this.clientsOfMinute[(this.minute + i) % MINUTES] = 0;
    this.minute = minute;
  }
}
