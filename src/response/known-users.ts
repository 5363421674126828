/** Users of whom it is remembered when they were first seen; the one that was heard of longest ago goes first. */
const MAX_USERS = 50_000;
/** So many wait to be asked for; any more are asked for when they come again. */
const MAX_WAITING = 10_000;
const AT_ONCE = 1_000;

/**
 * Since when users have been known, by the hashes that the log has of them: an account that somebody has made for
 * themselves today says nothing for where they come from.
 */
export class KnownUsers {
  private readonly firstSeenMs = new Map<string, number>();
  private readonly waiting = new Set<string>();

  /** @param seen notes users, and tells when each was seen first, in epoch milliseconds. */
  constructor(private readonly seen: (users: readonly string[]) => Promise<Map<string, number>>) {}

  /** A user has signed in. */
  note(user: string): void {
    const firstMs = this.firstSeenMs.get(user);
    if (firstMs === undefined) {
      if (this.waiting.size < MAX_WAITING) this.waiting.add(user);
      return;
    }
    this.firstSeenMs.delete(user);
    this.firstSeenMs.set(user, firstMs);
  }

  /** Epoch milliseconds; null while that is not known. */
  firstSeenOf(user: string): number | null {
    return this.firstSeenMs.get(user) ?? null;
  }

  /** Asks for those of whom it is not known. Rejects as the database does; they are asked for again then. */
  async learn(): Promise<void> {
    while (this.waiting.size > 0) {
      const users = [...this.waiting].slice(0, AT_ONCE);
      const found = await this.seen(users);
      for (const user of users) {
        this.waiting.delete(user);
        const firstMs = found.get(user);
        if (firstMs !== undefined) this.remember(user, firstMs);
      }
    }
  }

  private remember(user: string, firstMs: number): void {
    this.firstSeenMs.set(user, firstMs);
    if (this.firstSeenMs.size <= MAX_USERS) return;
    for (const oldest of this.firstSeenMs.keys()) {
      this.firstSeenMs.delete(oldest);
      return;
    }
  }
}
