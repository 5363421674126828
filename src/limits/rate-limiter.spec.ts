import { describe, expect, it } from 'vitest';
import { RequestContext, UNROUTED } from '../edge/request-context.js';
import { parseIp } from '../net/ip-address.js';
import { LimitStoreUnavailableError, type LimitStorage } from './store/limit-storage.js';
import { MemoryLimitStorage } from './store/memory/memory-limit-storage.js';
import { attemptOf, hasCounted, type Attempt, type AttemptOwner } from './attempt.js';
import type { LimitPolicy } from './limit-policy.js';
import { LimitTerms } from './limit-terms.js';
import { RateLimiter } from './rate-limiter.js';

const policy = (name = 'b', more: Partial<LimitPolicy> = {}): LimitPolicy => ({
  name,
  authenticated: 4,
  anonymous: 2,
  ttlMs: 60_000,
  cost: 1,
  blockForMs: 0,
  failClosed: false,
  counts: null,
  isForGuesses: false,
  ...more,
});

interface Asker {
  user?: string;
}

const owner: AttemptOwner = { settle: () => true };
const BY = { owner, naming: null };

function limiterOn(storage: LimitStorage, ipv6PrefixLength = 64) {
  const warnings: string[] = [];
  const terms = new LimitTerms(policy(), (message) => void warnings.push(message));
  const limiter = new RateLimiter(storage, terms, {
    ipv6PrefixLength,
    isExempt: (context) => context.url === '/exempt',
  });
  const contextOf = (ip: string | null, request: Asker = {}, url = '/') => {
    const client = { ip: ip === null ? null : parseIp(ip), source: 'socket' as const };
    return new RequestContext(
      client as RequestContext['client'],
      0,
      0,
      'GET',
      url,
      undefined,
      request,
      UNROUTED,
      {
        locate: () => ({ country: null, city: null }),
        identify: (asked) => (asked as Asker).user ?? null,
      },
    );
  };
  return {
    limiter,
    contextOf,
    warnings,
    /** One request from its arrival to its handler; who it is by may be known before the guards, or after. */
    async ask(ip: string | null, before: Asker = {}, after = before, limit = policy()) {
      const request = { ...before };
      const context = contextOf(ip, request);
      const attempt = (await limiter.reserve(context, context, limit, BY))!;
      if (!attempt.result.admitted) return false;
      Object.assign(request, after);
      await limiter.settle(attempt);
      return attempt.result.admitted;
    },
  };
}

function onMemory(ipv6PrefixLength?: number) {
  const clock = { now: 0 };
  const storage = new MemoryLimitStorage({ now: () => clock.now });
  return { clock, storage, ...limiterOn(storage, ipv6PrefixLength) };
}

async function times<T>(count: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let i = 0; i < count; i++) answers.push(await ask());
  return answers;
}

describe('RateLimiter', () => {
  it('counts an anonymous client by their address', async () => {
    const { ask } = onMemory();
    expect(await times(3, () => ask('203.0.113.7'))).toEqual([true, true, false]);
    expect(await ask('203.0.113.8')).toBe(true);
  });

  it.each([
    { name: 'one /64 is one client', length: 64, other: '2001:db8::ffff', passes: false },
    { name: 'another /64 is another', length: 64, other: '2001:db8:0:1::1', passes: true },
    { name: 'one /56 is one client if told', length: 56, other: '2001:db8:0:ff::1', passes: false },
    {
      name: 'IPv4-mapped clients are no network',
      length: 64,
      other: '::ffff:1.2.3.4',
      passes: true,
    },
  ])('$name', async ({ length, other, passes }) => {
    const { ask } = onMemory(length);
    await times(2, () => ask('2001:db8::1'));
    expect(await ask(other)).toBe(passes);
  });

  it('takes IPv4 and IPv4-mapped IPv6 for one address', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('::ffff:203.0.113.7')).toBe(false);
  });

  it('lets all clients without an address share one limit', async () => {
    const { ask } = onMemory();
    expect(await times(3, () => ask(null))).toEqual([true, true, false]);
    expect(await ask('203.0.113.7')).toBe(true);
  });

  it('counts a user by their id, from wherever they come', async () => {
    const { ask } = onMemory();
    let host = 0;
    const answers = await times(5, () => ask(`203.0.113.${host++}`, { user: 'ada' }));
    expect(answers).toEqual([true, true, true, true, false]);
    expect(await ask('203.0.113.1', { user: 'bob' })).toBe(true);
  });

  it('takes nothing from the address of a user who is known at once', async () => {
    const { ask, storage } = onMemory();
    await ask('203.0.113.7', { user: 'ada' });
    expect(storage.stats().keys).toBe(1);
  });

  it('gives the address its slot back once the guards know the user', async () => {
    const { ask, storage } = onMemory();
    const answers = await times(5, () => ask('203.0.113.7', {}, { user: 'ada' }));
    expect(answers).toEqual([true, true, true, true, false]);
    expect(storage.stats()).toMatchObject({ keys: 1, admissions: 4 });
    expect(await times(3, () => ask('203.0.113.7'))).toEqual([true, true, false]);
  });

  it('keeps the slot of a login that failed, so that guessing is limited', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('203.0.113.7', {}, { user: 'ada' })).toBe(false);
  });

  it('does not take a user for the address that reads like their id', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('198.51.100.1', { user: '203.0.113.7' })).toBe(true);
    expect(await ask('198.51.100.1', { user: 'ip|203.0.113.7' })).toBe(true);
  });

  it('counts each bucket for itself', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('203.0.113.7', {}, {}, policy('other'))).toBe(true);
  });

  it('admits again when the window has passed', async () => {
    const { ask, clock } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    clock.now = 59_999;
    expect(await ask('203.0.113.7')).toBe(false);
    clock.now = 60_000;
    expect(await ask('203.0.113.7')).toBe(true);
  });

  it('admits no more than the limit of requests that come at once', async () => {
    const { ask } = onMemory();
    const anonymous = await Promise.all(Array.from({ length: 50 }, () => ask('203.0.113.7')));
    expect(anonymous.filter(Boolean)).toHaveLength(2);
    const known = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask(`198.51.100.${i}`, {}, { user: 'ada' })),
    );
    expect(known.filter(Boolean)).toHaveLength(4);
  });

  it('settles a request once', async () => {
    const { limiter, contextOf, storage } = onMemory();
    const request: Asker = {};
    const context = contextOf('203.0.113.7', request);
    const attempt = (await limiter.reserve(context, context, policy(), BY))!;
    expect(await limiter.settle(attempt)).toBeNull();
    request.user = 'ada';
    expect(limiter.isUnsettled(attempt)).toBe(true);
    expect(await limiter.settle(attempt)).toBe(attempt);
    expect(attempt.result).toMatchObject({ remaining: 3 });
    expect(await limiter.settle(attempt)).toBeNull();
    expect(storage.stats().admissions).toBe(1);
  });

  it('knows what it has counted, also before the store has answered', async () => {
    const { limiter, contextOf } = onMemory();
    const context = contextOf('203.0.113.7');
    expect(hasCounted(context, context)).toBe(false);
    const reserving = limiter.reserve(context, context, policy(), BY);
    expect(hasCounted(context, context)).toBe(true);
    expect(hasCounted(context, {})).toBe(false);
    expect(attemptOf(context, context)).toBe(await reserving);
  });

  it('charges nobody who became known and did not pass all guards, and frees nothing', async () => {
    const { limiter, contextOf, ask } = onMemory();
    for (let i = 0; i < 2; i += 1) {
      const request: Asker = {};
      const context = contextOf('203.0.113.7', request);
      const attempt = (await limiter.reserve(context, context, policy(), BY))!;
      request.user = 'ada';
      await limiter.end(attempt, { status: 403, isComplete: true });
      expect(attempt.userId).toBeNull();
    }
    expect(await ask('203.0.113.7', {}, { user: 'bob' })).toBe(false);
    expect(await times(5, () => ask('203.0.113.8', { user: 'ada' }))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('gives back what does not count, once', async () => {
    const { limiter, contextOf, storage } = onMemory();
    const failures = policy('b', { counts: ({ status }) => status >= 400 });
    const attempts: Attempt[] = [];
    for (let i = 0; i < 2; i += 1) {
      const context = contextOf('203.0.113.7');
      attempts.push((await limiter.reserve(context, context, failures, BY))!);
    }
    await limiter.end(attempts[0]!, { status: 401, isComplete: true });
    await limiter.end(attempts[0]!, { status: 200, isComplete: true });
    expect(storage.stats().admissions).toBe(2);
    await limiter.end(attempts[1]!, { status: 200, isComplete: true });
    expect(storage.stats().admissions).toBe(1);
  });

  /** An attempt from an address whose user, known by now, may have used up their limit. */
  async function known({ limiter, contextOf, ask }: ReturnType<typeof onMemory>, before: number) {
    await times(before, () => ask('198.51.100.1', { user: 'ada' }));
    const request: Asker = {};
    const context = contextOf('203.0.113.7', request);
    const attempt = (await limiter.reserve(context, context, policy(), BY))!;
    request.user = 'ada';
    return attempt;
  }

  it('does not run a handler for a user over their limit who has hung up before it', async () => {
    const parts = onMemory();
    const attempt = await known(parts, 4);
    const ended = parts.limiter.end(attempt, { status: 200, isComplete: false });
    expect(parts.limiter.isUnsettled(attempt)).toBe(true);
    expect(await parts.limiter.settle(attempt)).toBe(attempt);
    expect(attempt.result.admitted).toBe(false);
    await ended;
  });

  describe('of what may be a guess', () => {
    const guesses = policy('b', {
      counts: ({ status }) => status >= 400,
      isForGuesses: true,
    });
    const guess = async (
      { limiter, contextOf }: ReturnType<typeof onMemory>,
      user: string | undefined,
      status: number,
    ) => {
      const context = contextOf('203.0.113.7', user === undefined ? {} : { user });
      const attempt = (await limiter.reserve(context, context, guesses, BY))!;
      if (!attempt.result.admitted) return 429;
      await limiter.end(attempt, { status, isComplete: true });
      return status;
    };

    it('charges the address for each 401, whoever was known', async () => {
      const parts = onMemory();
      expect(await guess(parts, 'ada', 401)).toBe(401);
      expect(await guess(parts, 'bob', 401)).toBe(401);
      expect(await guess(parts, 'eve', 401)).toBe(429);
      expect(await guess(parts, undefined, 401)).toBe(429);
      expect(parts.storage.stats().admissions).toBe(2);
    });

    it('charges the user for what else fails, and nobody for a success', async () => {
      const parts = onMemory();
      for (let i = 0; i < 4; i += 1) expect(await guess(parts, 'ada', 422)).toBe(422);
      expect(await guess(parts, 'ada', 422)).toBe(429);
      for (let i = 0; i < 9; i += 1) expect(await guess(parts, 'bob', 200)).toBe(200);
      expect(parts.storage.stats().admissions).toBe(4);
    });

    it('lets no more of them be under way at once than the address may have', async () => {
      const { limiter, contextOf } = onMemory();
      const attempts = await Promise.all(
        Array.from({ length: 9 }, (_, i) => {
          const context = contextOf('203.0.113.7', { user: `u${i}` });
          return Promise.resolve(limiter.reserve(context, context, guesses, BY));
        }),
      );
      expect(attempts.filter((attempt) => attempt!.result.admitted)).toHaveLength(2);
    });

    it('holds the address to it also for a user who is known after the guards', async () => {
      const parts = onMemory();
      const { limiter, contextOf, storage } = parts;
      for (let i = 0; i < 2; i += 1) {
        const request: Asker = {};
        const context = contextOf('203.0.113.7', request);
        const attempt = (await limiter.reserve(context, context, guesses, BY))!;
        request.user = `u${i}`;
        expect(await limiter.settle(attempt)).toBe(attempt);
        expect(storage.stats().admissions).toBe(2 + i);
        await limiter.end(attempt, { status: 401, isComplete: true });
      }
      expect(storage.stats().admissions).toBe(2);
      expect(await guess(parts, undefined, 401)).toBe(429);
    });
  });

  it('counts by another policy what turned out to be for another route', async () => {
    const { limiter, contextOf, ask } = onMemory();
    const context = contextOf('203.0.113.7');
    const attempt = (await limiter.reserve(context, context, policy('a'), null))!;
    await limiter.recount(attempt, policy('b', { anonymous: 1 }), BY);
    expect(attempt.result).toMatchObject({ admitted: true, limit: 1 });
    expect(attempt.isAhead).toBe(false);
    expect(await ask('203.0.113.7', {}, {}, policy('b'))).toBe(true);
    expect(await times(3, () => ask('203.0.113.7', {}, {}, policy('a')))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('gives back a slot that the store has only just given when the client is gone', async () => {
    const memory = new MemoryLimitStorage({ now: () => 0 });
    let answer = (): void => {};
    const asked = new Promise<void>((resolve) => (answer = resolve));
    const { limiter, contextOf } = limiterOn({
      hit: (key, rule) => asked.then(() => memory.hit(key, rule)),
      peek: (key, rule) => memory.peek(key, rule),
      release: (...args) => memory.release(...args),
      reset: (...args) => memory.reset(...args),
    });
    const context = contextOf('203.0.113.7');
    const reserving = limiter.reserve(
      context,
      context,
      policy('b', { counts: ({ isComplete }) => isComplete }),
      BY,
    );
    context.ending = { status: 200, isComplete: false, hasClientLeft: true };
    limiter.ended(context);
    answer();
    await limiter.settle((await reserving)!);
    expect(memory.stats().admissions).toBe(0);
  });

  it('leaves an attempt what it was where the store fails while it is moved', async () => {
    const memory = new MemoryLimitStorage({ now: () => 0 });
    let isDown = false;
    const { limiter, contextOf } = limiterOn({
      hit: (key, rule) => {
        if (isDown) throw new LimitStoreUnavailableError('down');
        return memory.hit(key, rule);
      },
      peek: (key, rule) => memory.peek(key, rule),
      release: (...args) => memory.release(...args),
      reset: (...args) => memory.reset(...args),
    });
    const request: Asker = {};
    const context = contextOf('203.0.113.7', request);
    const attempt = (await limiter.reserve(context, context, policy(), BY))!;
    request.user = 'ada';
    isDown = true;
    expect(() => limiter.settle(attempt)).toThrow(LimitStoreUnavailableError);
    isDown = false;
    await limiter.end(attempt, { status: 503, isComplete: true });
    expect(attempt.userId).toBeNull();
    expect(attempt.held?.bucket).toBe('b|ip|203.0.113.7');
    expect(memory.stats()).toMatchObject({ keys: 1, admissions: 1 });
  });

  it('takes a client who hangs up while their slot is moved for moved', async () => {
    const { limiter, contextOf, storage } = onMemory();
    const request: Asker = {};
    const context = contextOf('203.0.113.7', request);
    const attempt = (await limiter.reserve(context, context, policy(), BY))!;
    request.user = 'ada';
    await Promise.all([
      limiter.settle(attempt),
      limiter.end(attempt, { status: 200, isComplete: false }),
    ]);
    expect(storage.stats()).toMatchObject({ keys: 1, admissions: 1 });
  });

  it('leaves an exempt client alone', async () => {
    const { limiter, contextOf, storage } = onMemory();
    const context = contextOf('203.0.113.7', {}, '/exempt');
    expect(await limiter.reserve(context, context, policy(), BY)).toBeNull();
    expect(hasCounted(context, context)).toBe(true);
    expect(storage.stats().keys).toBe(0);
  });

  it('asks functions for limits, window and cost', async () => {
    const { ask } = onMemory();
    const limit = policy('b', {
      anonymous: () => 3,
      authenticated: (request) => ((request as Asker).user === 'ada' ? 1 : 2),
      cost: () => 1,
      ttlMs: () => 1_000,
    });
    expect(await times(4, () => ask('203.0.113.7', {}, {}, limit))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    const as = (user: string) => ask('203.0.113.8', { user }, { user }, limit);
    expect(await times(2, () => as('ada'))).toEqual([true, false]);
    expect(await times(3, () => as('bob'))).toEqual([true, true, false]);
  });

  it.each<[string, LimitPolicy['anonymous']]>([
    ['NaN', () => Number.NaN],
    ['a negative number', () => -1],
    ['a text', (() => '5') as unknown as () => number],
    ['a promise', (async () => 5) as unknown as () => number],
    [
      'an error',
      () => {
        throw new Error('of the host');
      },
    ],
  ])('counts by the default where a function gives %s, and says so once', async (_, anonymous) => {
    const { ask, warnings } = onMemory();
    const limit = policy('b', { anonymous });
    expect(await times(3, () => ask('203.0.113.7', {}, {}, limit))).toEqual([true, true, false]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('anonymous');
  });

  it('lets none pass at a limit of 0', async () => {
    const { ask } = onMemory();
    expect(await ask('203.0.113.7', {}, {}, policy('b', { anonymous: 0 }))).toBe(false);
    expect(await ask('203.0.113.7', { user: 'ada' }, {}, policy('b', { anonymous: 0 }))).toBe(true);
  });

  it('counts users with endless ids by what tells them apart', async () => {
    const { ask } = onMemory();
    const long = 'x'.repeat(100_000);
    await times(4, () => ask('203.0.113.7', { user: `${long}a` }));
    expect(await ask('203.0.113.7', { user: `${long}a` })).toBe(false);
    expect(await ask('203.0.113.7', { user: `${long}b` })).toBe(true);
  });

  it('passes on that the shared store is down', async () => {
    const down = () => Promise.reject(new LimitStoreUnavailableError('down'));
    const { ask } = limiterOn({ hit: down, peek: down, release: down, reset: down });
    await expect(ask('203.0.113.7')).rejects.toThrow(LimitStoreUnavailableError);
  });
});
