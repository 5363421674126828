import type { UserFacts } from './client-facts.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Clients of whom sign-ins are remembered; the one that was heard of longest ago goes first. */
const MAX_CLIENTS = 10_000;
/** Sign-ins of a client that are remembered, of either kind. */
const MAX_OF_CLIENT = 256;

interface SignIn {
  readonly atMs: number;
  /** The hash of the user; null for a failure. */
  readonly user: string | null;
}

/** Who has signed in from where, and who has failed to, within an hour; of as many clients as there is room for. */
export class SignIns {
  private readonly clients = new Map<string, SignIn[]>();

  /** @param firstSeenOf when a user was seen first, in epoch milliseconds; null while that is not known. */
  constructor(private readonly firstSeenOf: (user: string) => number | null) {}

  /** Somebody has signed in from a client, or failed to. @param user null for a failure. */
  note(client: string, user: string | null, atMs: number): void {
    const known = this.clients.get(client) ?? [];
    this.clients.delete(client);
    this.clients.set(client, known);
    known.push({ atMs, user });
    if (known.length > MAX_OF_CLIENT) known.splice(0, known.length - MAX_OF_CLIENT);
    if (this.clients.size <= MAX_CLIENTS) return;
    for (const oldest of this.clients.keys()) {
      this.clients.delete(oldest);
      return;
    }
  }

  /** What speaks for a client, in the hour before a moment: only of users who have been known for a day. */
  of(client: string, nowMs: number): UserFacts {
    const users = new Set<string>();
    let successes = 0;
    let failures = 0;
    for (const { atMs, user } of this.clients.get(client) ?? []) {
      if (nowMs - atMs >= HOUR_MS) continue;
      if (user === null) failures += 1;
      else if (this.isKnown(user, nowMs)) {
        users.add(user);
        successes += 1;
      }
    }
    return { knownUsers: users.size, successes, failures };
  }

  /** Forgets a client. */
  forget(client: string): void {
    this.clients.delete(client);
  }

  private isKnown(user: string, nowMs: number): boolean {
    const firstMs = this.firstSeenOf(user);
    return firstMs !== null && nowMs - firstMs >= DAY_MS;
  }
}
