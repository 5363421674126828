import { leaveUnawaited } from '../edge/host-hook.js';
import type { RequestContext } from '../edge/request-context.js';
import {
  attemptOf,
  noteAttempt,
  UNJUDGED,
  type Attempt,
  type AttemptOwner,
  type BucketNaming,
  type HeldSlot,
} from './attempt.js';
import { addressKey, bucketOf, userKey } from './bucket-keys.js';
import type { LimitPolicy } from './limit-policy.js';
import type { LimitTerms } from './limit-terms.js';
import type { AttemptEnding } from './limits.options.js';
import { after, type MaybePromise } from './maybe-promise.js';
import type { LimitStorage } from './store/limit-storage.js';

/** What a {@link RateLimiter} needs besides its storage. */
export interface RateLimiterOptions {
  /** IPv6 clients are counted by networks of this length: a client has a whole one to themselves. */
  ipv6PrefixLength: number;
  /** Whether a client is not limited at all. */
  isExempt(context: RequestContext): boolean;
}

/** Who has an attempt counted, and how; nobody while no guard has met it. */
export interface Counting {
  owner: AttemptOwner;
  /** Names that a guard of the host's gives; null for the limiter's own. */
  naming: BucketNaming | null;
}

/**
 * Counts by who is asking: a user by their id wherever they come from, anybody else by their address. Before
 * authentication nobody is known, so the address's slot is taken first; once the user is known it is given back, and
 * their own counts. A failed login never becomes known, and so keeps its slot.
 */
export class RateLimiter {
  constructor(
    private readonly storage: LimitStorage,
    /** What a policy says to whoever asks. */
    readonly terms: LimitTerms,
    private readonly options: RateLimiterOptions,
  ) {}

  /**
   * Counts an attempt before its host's authentication.
   *
   * @param execution the one that the attempt counts for: a request, a message, or a field of a GraphQL operation.
   * @param by null at the edge, where nobody has routed the request yet: a guard that knows better calls {@link recount}.
   * @returns null for a client who is exempt; no promise where the store answers at once, as with all that follows.
   * @throws LimitStoreUnavailableError where the store is down and the policy fails closed.
   */
  reserve(
    context: RequestContext,
    execution: object,
    policy: LimitPolicy,
    by: Counting | null,
  ): MaybePromise<Attempt | null> {
    // Noted before anything is awaited, so that nothing can count it a second time meanwhile.
    noteAttempt(context, execution, null);
    if (this.options.isExempt(context)) return null;
    const userId = context.user();
    const attempt: Attempt = {
      context,
      naming: by?.naming ?? null,
      owner: by?.owner ?? null,
      policy,
      isAhead: by === null,
      userId,
      client: '',
      bucket: '',
      ttlMs: 0,
      result: UNJUDGED,
      held: null,
      deposit: null,
      work: null,
      isEnded: false,
    };
    noteAttempt(context, execution, attempt);
    const taking = this.inTurn(attempt, () => this.take(attempt, userId));
    return after(taking, () => attempt);
  }

  /** Counts an attempt by another policy, or other names, where the edge has taken its request for another route's. */
  recount(attempt: Attempt, policy: LimitPolicy, by: Counting): MaybePromise<Attempt> {
    attempt.isAhead = false;
    attempt.policy = policy;
    attempt.owner = by.owner;
    attempt.naming = by.naming;
    const taking = this.inTurn(attempt, () =>
      // First, since it may be of the very bucket that counts: the last slot there is would be refused to its holder.
      after(this.releaseAll(attempt), () => this.take(attempt, attempt.context.user())),
    );
    return after(taking, () => attempt);
  }

  /** Whether {@link settle} may have something to say: somebody is known now who was not before, or has hung up. */
  isUnsettled(attempt: Attempt): boolean {
    if (attempt.isEnded) return true;
    return attempt.result.admitted && (attempt.naming !== null || this.newUserOf(attempt) !== null);
  }

  /**
   * Moves an attempt from its address's bucket to its user's, if the guards have found out who that is.
   *
   * @returns the attempt where its result is another one now, or refuses; else null. That it refuses may have been found
   * out before, when the client hung up; the handler must not run for it.
   */
  settle(attempt: Attempt): MaybePromise<Attempt | null> {
    return this.inTurn(attempt, () => {
      if (!attempt.result.admitted) return attempt;
      const userId = attempt.userId ?? attempt.context.user();
      if (attempt.naming === null && userId === attempt.userId) return null;
      return after(this.nameOf(attempt, userId), (named) => this.move(attempt, userId, named));
    });
  }

  private move(
    attempt: Attempt,
    userId: string | null,
    named: Named,
  ): MaybePromise<Attempt | null> {
    const { held } = attempt;
    if (named.bucket === attempt.bucket && userId === attempt.userId) return null;
    return after(this.hit(attempt, userId, named), () => {
      if (attempt.policy.isForGuesses && attempt.result.admitted) {
        attempt.deposit ??= held;
        return attempt;
      }
      return after(this.release(held), () => attempt);
    });
  }

  /**
   * Ends an attempt: what does not count is given back. Nobody is charged now who was not known before all guards had
   * passed: a guard that sets a user and then refuses says who somebody claims to be, and would charge whomever they
   * like for it, or free their address for ever.
   */
  end(attempt: Attempt, ending: AttemptEnding): MaybePromise<void> {
    if (attempt.isEnded) return;
    attempt.isEnded = true;
    if (attempt.policy.counts === null) return;
    return this.inTurn(attempt, () => {
      if (!this.countsAfterAll(attempt, ending)) return this.releaseAll(attempt);
      const { held, deposit } = attempt;
      if (deposit === null) return;
      // A guess is the address's; anything else that failed is the user's.
      const isGuess = ending.status === UNAUTHORIZED;
      attempt.held = isGuess ? deposit : held;
      attempt.deposit = null;
      return this.release(isGuess ? held : deposit);
    });
  }

  /** As {@link end}, where nobody waits for it and nothing it throws may reach anybody. */
  endQuietly(attempt: Attempt, ending: AttemptEnding): void {
    try {
      Promise.resolve(this.end(attempt, ending)).catch(() => undefined);
    } catch {
      // The slot stays taken until its window is over.
    }
  }

  /** Gives back the slot of an attempt that is not to be counted after all. */
  giveBack(attempt: Attempt): MaybePromise<void> {
    return this.inTurn(attempt, () =>
      after(this.releaseAll(attempt), () => {
        attempt.isAhead = false;
      }),
    );
  }

  /**
   * Ends all attempts of a request or a message that has ended. Never throws, and nobody waits for it. A field of a
   * GraphQL operation that is not over by then has met a guard that refused it.
   */
  ended(context: RequestContext): void {
    for (const execution of context.attempts?.keys() ?? []) {
      const attempt = attemptOf(context, execution);
      if (attempt === null) continue;
      const ending = execution === context ? (context.ending ?? REFUSED) : REFUSED;
      this.endQuietly(attempt, ending);
    }
  }

  /** Forgets what was counted for a client, by {@link addressKey} or {@link userKey}, under one name. */
  async reset(name: string, client: string): Promise<boolean> {
    return this.storage.reset(bucketOf(name, client));
  }

  /** What the client of a request is called, as far as it is known by now. */
  clientOf(context: RequestContext): string {
    const userId = context.user();
    return userId === null
      ? addressKey(context.client.ip, this.options.ipv6PrefixLength)
      : userKey(userId);
  }

  /** Who is known now, where nobody was when the attempt was counted. */
  private newUserOf({ userId, context }: Attempt): string | null {
    return userId === null ? context.user() : null;
  }

  private release(held: HeldSlot | null): MaybePromise<void> {
    if (held === null) return;
    return after(this.storage.release(held.bucket, held.slot), () => undefined);
  }

  private releaseAll(attempt: Attempt): MaybePromise<void> {
    const { held, deposit } = attempt;
    attempt.held = null;
    attempt.deposit = null;
    return after(this.release(held), () => this.release(deposit));
  }

  /** The first count of an attempt; of one that may be a guess the address has to let it pass as well. */
  private take(attempt: Attempt, userId: string | null): MaybePromise<void> {
    if (userId === null || !attempt.policy.isForGuesses) return this.hit(attempt, userId);
    return after(this.hit(attempt, null), () => {
      if (!attempt.result.admitted) return;
      const deposit = attempt.held;
      return after(this.hit(attempt, userId), () => {
        if (!attempt.result.admitted) return this.release(deposit);
        attempt.deposit = deposit;
      });
    });
  }

  private hit(
    attempt: Attempt,
    userId: string | null,
    named = this.nameOf(attempt, userId),
  ): MaybePromise<void> {
    const { policy, context } = attempt;
    const { limit, ttlMs, cost } = this.terms.of(policy, userId, context.request);
    return after(named, ({ client, bucket }) => {
      const hitting = this.storage.hit(
        bucket,
        { limit, ttlMs, cost, blockForMs: policy.blockForMs },
        { failClosed: policy.failClosed },
      );
      // Not before: a store that fails leaves the attempt what it was.
      return after(hitting, (result) => {
        attempt.userId = userId;
        attempt.client = client;
        attempt.bucket = bucket;
        attempt.ttlMs = ttlMs;
        attempt.result = result;
        attempt.held = result.slot === null ? null : { bucket, slot: result.slot };
      });
    });
  }

  private nameOf({ naming, policy, context }: Attempt, userId: string | null): MaybePromise<Named> {
    if (naming !== null) return namedBy(naming, policy.name);
    const client =
      userId === null
        ? addressKey(context.client.ip, this.options.ipv6PrefixLength)
        : userKey(userId);
    return { client, bucket: bucketOf(policy.name, client) };
  }

  private countsAfterAll({ policy, context }: Attempt, ending: AttemptEnding): boolean {
    try {
      const counts: unknown = policy.counts?.(ending, context.request);
      leaveUnawaited(counts);
      return counts === undefined || counts === null || Boolean(counts);
    } catch {
      return true;
    }
  }

  /** Steps of one attempt never overlap: a client may hang up while their slot is being moved. */
  private inTurn<T>(attempt: Attempt, step: () => MaybePromise<T>): MaybePromise<T> {
    if (attempt.work !== null) return attempt.work.then(() => this.inTurn(attempt, step));
    const work = step();
    if (work instanceof Promise) attempt.work = noteEnd(attempt, work);
    return work;
  }
}

interface Named {
  client: string;
  bucket: string;
}

async function namedBy(naming: BucketNaming, name: string): Promise<Named> {
  const client = await naming.client();
  return { client, bucket: naming.bucket(name, client) };
}

async function noteEnd(attempt: Attempt, work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
  attempt.work = null;
}

const UNAUTHORIZED = 401;
const REFUSED: AttemptEnding = { status: 403, isComplete: true };
