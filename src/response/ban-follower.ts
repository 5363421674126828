import { parsePrefix, type Prefix } from '../net/prefix.js';
import type { RememberedEvent } from './ban.repository.js';

/** The PostgreSQL channel on which the trigger of `ban_event` says that there is a ban or a pardon. */
export const BAN_CHANNEL = 'ip_tracking_bans';

/** Ids are given in another order than they are committed in: so many before the last are read again. */
const OVERLAP = 200;
const MAX_APPLIED = 5_000;

/** What a {@link BanFollower} asks and tells. */
export interface BanFollowerParts {
  /** The bans and pardons after an event. */
  remembered(afterId: number): Promise<RememberedEvent[]>;
  /** Epoch milliseconds. */
  now(): number;
  /** A ban of any process has begun, or goes on. */
  onBan(
    network: Prefix,
    ban: { id: string | null; action: 'block' | 'limit'; startedAtMs: number; endsAtMs: number },
  ): void;
  /** @param isNew false for what was before this process began. */
  onPardon(network: Prefix, atMs: number, isNew: boolean): void;
}

/** Follows what other processes ban, and whom people pardon: told by notifications, and found by asking where none come. */
export class BanFollower {
  private lastId = 0;
  private hasBegun = false;
  private readonly applied = new Set<number>();
  private following: Promise<void> | null = null;
  private isStale = false;

  constructor(private readonly parts: BanFollowerParts) {}

  /** What a listener on {@link BAN_CHANNEL} has to call. */
  readonly handlers = {
    onNotification: (): void => this.hurry(),
    onListening: (): void => this.hurry(),
  };

  /** Reads what is new. Rejects as the database does. */
  follow(): Promise<void> {
    if (this.following !== null) {
      this.isStale = true;
      return this.following;
    }
    this.following = this.read().finally(() => {
      this.following = null;
    });
    return this.following;
  }

  private hurry(): void {
    this.follow().catch(() => undefined);
  }

  private async read(): Promise<void> {
    do {
      this.isStale = false;
      const events = await this.parts.remembered(Math.max(0, this.lastId - OVERLAP));
      for (const event of events) this.apply(event);
      this.hasBegun = true;
    } while (this.isStale);
  }

  private apply({ id, event, action, banId, network, agoMs, endsInMs }: RememberedEvent): void {
    if (this.applied.has(id)) return;
    this.remember(id);
    const prefix = parsePrefix(network);
    if (prefix === null) return;
    const nowMs = this.parts.now();
    const atMs = nowMs - agoMs;
    if (event === 'pardon') this.parts.onPardon(prefix, atMs, this.hasBegun);
    else if (action !== null) {
      const ends = endsInMs === null ? atMs : nowMs + endsInMs;
      this.parts.onBan(prefix, { id: banId, action, startedAtMs: atMs, endsAtMs: ends });
    }
  }

  private remember(id: number): void {
    this.lastId = Math.max(this.lastId, id);
    this.applied.add(id);
    if (this.applied.size <= MAX_APPLIED) return;
    for (const oldest of this.applied) {
      this.applied.delete(oldest);
      return;
    }
  }
}
