import { describe, expect, it } from 'vitest';
import { RequestContext, UNROUTED } from '../edge/request-context.js';
import { parseIp } from '../net/ip-address.js';
import { LimitStoreUnavailableError, type LimitStorage } from './limit-storage.js';
import { MemoryLimitStorage } from './memory-limit-storage.js';
import { RateLimiter } from './rate-limiter.js';

const limits = { authenticated: 4, anonymous: 2, ttlMs: 60_000 };

interface Asker {
  user?: string;
}

function limiterOn(storage: LimitStorage, ipv6PrefixLength = 64) {
  const limiter = new RateLimiter(storage, {
    identify: (request) => (request as Asker).user,
    ipv6PrefixLength,
  });
  const contextOf = (ip: string | null) => {
    const client = { ip: ip === null ? null : parseIp(ip), source: 'socket' as const };
    return new RequestContext(
      client as RequestContext['client'],
      0,
      0,
      'GET',
      '/',
      undefined,
      {},
      UNROUTED,
      () => ({ country: null, city: null }),
    );
  };
  return {
    limiter,
    contextOf,
    /** One request from its arrival to its handler; who it is by may be known before the guards, or after. */
    async ask(ip: string | null, before: Asker = {}, after = before, bucket = 'b') {
      const context = contextOf(ip);
      const reserved = await limiter.reserve(context, before, bucket, limits);
      if (!reserved.admitted) return false;
      const settled = await limiter.settle(context, after);
      return settled?.admitted ?? true;
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
  it('counts an anonymous client by his address', async () => {
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

  it('counts a user by his id, from wherever he comes', async () => {
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

  it('does not take a user for the address that reads like his id', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('198.51.100.1', { user: '203.0.113.7' })).toBe(true);
    expect(await ask('198.51.100.1', { user: 'ip|203.0.113.7' })).toBe(true);
  });

  it('counts each bucket for itself', async () => {
    const { ask } = onMemory();
    await times(2, () => ask('203.0.113.7'));
    expect(await ask('203.0.113.7', {}, {}, 'other')).toBe(true);
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
    const context = contextOf('203.0.113.7');
    await limiter.reserve(context, {}, 'b', limits);
    expect(await limiter.settle(context, { user: 'ada' })).toMatchObject({ remaining: 3 });
    expect(await limiter.settle(context, { user: 'ada' })).toBeNull();
    expect(storage.stats().admissions).toBe(1);
  });

  it('settles nothing that was not reserved, or is still nobody’s', async () => {
    const { limiter, contextOf } = onMemory();
    const context = contextOf('203.0.113.7');
    expect(await limiter.settle(context, { user: 'ada' })).toBeNull();
    await limiter.reserve(context, {}, 'b', limits);
    expect(await limiter.settle(context, {})).toBeNull();
    expect(context.reservation).not.toBeNull();
  });

  it('passes on that the shared store is down', async () => {
    const down = () => Promise.reject(new LimitStoreUnavailableError('down'));
    const { ask } = limiterOn({ hit: down, peek: down, release: down, reset: down });
    await expect(ask('203.0.113.7')).rejects.toThrow(LimitStoreUnavailableError);
  });
});
