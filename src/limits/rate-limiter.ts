import type { RequestContext } from '../edge/request-context.js';
import { leaveUnawaited } from '../edge/unawaited.js';
import { addressKey, bucketOf, userKey } from './bucket-keys.js';
import { identifySafely, type Identify } from '../edge/identify.js';
import type { LimitResult, LimitStorage } from './store/limit-storage.js';
import type { AttemptEnding, LimitValue } from './rate-limit.options.js';
import type { LimitPolicy } from './limit-policy.js';
import { isLimitValue } from './rate-limit-settings.js';

/** What a {@link RateLimiter} needs besides its storage. */
export interface RateLimiterOptions {
  identify: Identify;
  /** IPv6 clients are counted by networks of this length: a client has a whole one to himself. */
  ipv6PrefixLength: number;
  /** What counts where a host's function gives no number. */
  defaults: Record<'authenticated' | 'anonymous' | 'ttlMs', LimitValue>;
  /** Whether a client is not limited at all. */
  isExempt(context: RequestContext): boolean;
  warn(message: string): void;
}

/** One attempt at a limited route: what it was judged by, and the slot that it holds. */
export interface Attempt {
  readonly context: RequestContext;
  /** The request as the host's handlers see it, which tells who is asking. */
  readonly request: unknown;
  policy: LimitPolicy;
  /** It was counted at the edge, by the route that the request seemed to be for. */
  isAhead: boolean;
  /** Whose bucket it is in; null for the address's. */
  userId: string | null;
  ttlMs: number;
  result: LimitResult;
  /** The slot it holds; null where it holds none. */
  held: { bucket: string; slot: string } | null;
  /** What is under way in the storage; it never rejects. */
  work: Promise<void> | null;
  isEnded: boolean;
}

/** The last resort of limits whose functions fail, defaults included. */
const FALLBACK = { authenticated: 10, anonymous: 5, ttlMs: 60_000, cost: 1 };

/**
 * Counts by who is asking: a user by his id wherever he comes from, anybody else by his address. Before authentication
 * nobody is known, so the address's slot is taken first; once the user is known it is given back, and his own counts.
 * A failed login never becomes known, and so keeps its slot.
 */
export class RateLimiter {
  /** By context, since that is what the edge has in hand when a response closes. */
  private readonly attempts = new WeakMap<RequestContext, Map<object, Attempt | null>>();
  private readonly warned = new Set<LimitValue>();

  constructor(
    private readonly storage: LimitStorage,
    private readonly options: RateLimiterOptions,
  ) {}

  /** Whether this execution has been counted: an attempt counts once, whatever guards and filters it meets. */
  hasCounted(context: RequestContext, execution: object): boolean {
    return context.isCounted && (this.attempts.get(context)?.has(execution) ?? false);
  }

  /** The attempt of an execution, if it holds a slot or was judged. */
  attemptOf(context: RequestContext, execution: object): Attempt | null {
    return context.isCounted ? (this.attempts.get(context)?.get(execution) ?? null) : null;
  }

  /**
   * Counts an attempt before its host's authentication.
   *
   * @param execution the one that the attempt counts for: a request, a message, or a field of a GraphQL operation.
   * @param isAhead whether nobody has routed the request yet.
   * @returns null for a client who is exempt.
   * @throws LimitStoreUnavailableError where the store is down and the policy fails closed.
   */
  async reserve(
    context: RequestContext,
    execution: object,
    request: unknown,
    policy: LimitPolicy,
    isAhead = false,
  ): Promise<Attempt | null> {
    // Noted before anything is awaited, so that nothing can count it a second time meanwhile.
    const attempts = this.note(context, execution);
    if (this.options.isExempt(context)) return null;
    const userId = identifySafely(this.options.identify, request);
    const attempt: Attempt = {
      context,
      request,
      policy,
      isAhead,
      userId,
      ttlMs: 0,
      result: UNJUDGED,
      held: null,
      work: null,
      isEnded: false,
    };
    attempts.set(execution, attempt);
    await this.inTurn(attempt, () => this.hit(attempt, userId));
    return attempt;
  }

  /** Counts an attempt by another policy, where the edge has taken its request for another route's. */
  recount(attempt: Attempt, policy: LimitPolicy): Promise<void> {
    Object.assign(attempt, { isAhead: false, policy });
    return this.inTurn(attempt, async () => {
      const { held, request } = attempt;
      await this.hit(attempt, identifySafely(this.options.identify, request));
      await this.release(held);
    });
  }

  /** Whether {@link settle} may have something to say: somebody is known now who was not before, or has hung up. */
  isUnsettled(attempt: Attempt): boolean {
    return attempt.isEnded || (attempt.result.admitted && this.newUserOf(attempt) !== null);
  }

  /**
   * Moves an attempt from its address's bucket to its user's, if the guards have found out who he is.
   *
   * @returns whether it was moved: its result is then what the user's bucket said. That it refuses may have been found
   * out before, when the client hung up; his handler must not run for it.
   */
  settle(attempt: Attempt): Promise<boolean> {
    return this.inTurn(attempt, async () => {
      if (!attempt.result.admitted) return true;
      const userId = this.newUserOf(attempt);
      if (userId === null) return false;
      const { held } = attempt;
      await this.hit(attempt, userId);
      await this.release(held);
      return true;
    });
  }

  /**
   * Ends an attempt: what does not count is given back, and a user who became known too late for {@link settle} is
   * counted. Where he is over his limit the slot of his address stays taken, or a guard that refuses him would answer
   * for ever; and so it does after a 401, for then he is only who somebody claims to be.
   */
  end(attempt: Attempt, ending: AttemptEnding): Promise<void> {
    if (attempt.isEnded) return DONE;
    attempt.isEnded = true;
    const isSettled = attempt.work === null && attempt.policy.counts === null;
    if (isSettled && !(attempt.result.admitted && this.newUserOf(attempt) !== null)) return DONE;
    return this.inTurn(attempt, async () => {
      if (!this.countsAfterAll(attempt, ending)) {
        await this.release(attempt.held);
        attempt.held = null;
      } else if (ending.status !== UNAUTHORIZED) await this.settleLate(attempt);
    });
  }

  /**
   * Ends all attempts of a request whose response has closed. Never throws, and nobody waits for it. A field of a GraphQL
   * operation that is not over by then has met a guard that refused it.
   */
  closed(context: RequestContext, ending: AttemptEnding): void {
    for (const [execution, attempt] of this.attempts.get(context) ?? []) {
      if (attempt === null) continue;
      this.end(attempt, execution === context ? ending : REFUSED).catch(() => undefined);
    }
  }

  /** Forgets what was counted for a client, by {@link addressKey} or {@link userKey}, under one name. */
  async reset(name: string, client: string): Promise<boolean> {
    return this.storage.reset(bucketOf(name, client));
  }

  private note(context: RequestContext, execution: object): Map<object, Attempt | null> {
    let attempts = this.attempts.get(context);
    if (attempts === undefined) {
      attempts = new Map();
      this.attempts.set(context, attempts);
    }
    context.isCounted = true;
    attempts.set(execution, null);
    return attempts;
  }

  /** Who is known now, where nobody was when the attempt was counted. */
  private newUserOf({ userId, request }: Attempt): string | null {
    return userId === null ? identifySafely(this.options.identify, request) : null;
  }

  private async settleLate(attempt: Attempt): Promise<void> {
    const userId = attempt.result.admitted ? this.newUserOf(attempt) : null;
    if (userId === null) return;
    const { held } = attempt;
    await this.hit(attempt, userId);
    if (attempt.result.admitted) await this.release(held);
  }

  private async release(held: Attempt['held']): Promise<void> {
    if (held !== null) await this.storage.release(held.bucket, held.slot);
  }

  private async hit(attempt: Attempt, userId: string | null): Promise<void> {
    const { policy, request, context } = attempt;
    const limit =
      userId === null
        ? this.value('anonymous', policy.anonymous, request)
        : this.value('authenticated', policy.authenticated, request);
    const ttlMs = this.value('ttlMs', policy.ttlMs, request);
    const cost = this.value('cost', policy.cost, request);
    const client =
      userId === null
        ? addressKey(context.client.ip, this.options.ipv6PrefixLength)
        : userKey(userId);
    const bucket = bucketOf(policy.name, client);
    const result = await this.storage.hit(
      bucket,
      { limit, ttlMs, cost, blockForMs: policy.blockForMs },
      { failClosed: policy.failClosed },
    );
    // Not before: a store that fails leaves the attempt what it was.
    const held = result.slot === null ? null : { bucket, slot: result.slot };
    Object.assign(attempt, { userId, ttlMs, result, held });
  }

  private countsAfterAll({ policy, request }: Attempt, ending: AttemptEnding): boolean {
    try {
      const counts: unknown = policy.counts?.(ending, request);
      leaveUnawaited(counts);
      return counts === undefined || counts === null || Boolean(counts);
    } catch {
      return true;
    }
  }

  /** What a limit says for this request. A host's function that fails must neither open the door nor cost the request. */
  private value(option: keyof typeof FALLBACK, given: LimitValue, request: unknown): number {
    const kind = option === 'ttlMs' || option === 'cost' ? option : 'limit';
    const fallback = option === 'cost' ? FALLBACK.cost : this.options.defaults[option];
    for (const value of [given, fallback]) {
      if (typeof value === 'number') return value;
      try {
        const number: unknown = value(request);
        leaveUnawaited(number);
        if (isLimitValue(kind, number)) return number;
        this.warnOnce(value, `${option} was given ${String(number)} by its function`);
      } catch (error) {
        this.warnOnce(value, `the function of ${option} failed: ${(error as Error)?.message}`);
      }
    }
    return FALLBACK[option];
  }

  private warnOnce(value: LimitValue, message: string): void {
    if (this.warned.has(value)) return;
    this.warned.add(value);
    this.options.warn(`a rate limit's default counts instead, because ${message}`);
  }

  /** Steps of one attempt never overlap: a client may hang up while his slot is being moved. */
  private async inTurn<T>(attempt: Attempt, step: () => Promise<T>): Promise<T> {
    while (attempt.work !== null) await attempt.work;
    const work = step();
    attempt.work = this.noteEnd(attempt, work);
    return work;
  }

  private async noteEnd(attempt: Attempt, work: Promise<unknown>): Promise<void> {
    await work.catch(() => undefined);
    attempt.work = null;
  }
}

const DONE = Promise.resolve();
const UNJUDGED: LimitResult = Object.freeze({
  admitted: false,
  limit: 0,
  remaining: 0,
  retryAfterMs: 0,
  resetAfterMs: 0,
  slot: null,
});

const UNAUTHORIZED = 401;
const REFUSED: AttemptEnding = { status: 403, isComplete: true };
