import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import type { NameResolver } from './crawler-check.js';
import { CrawlerVerifier, type CrawlerVerifierOptions } from './crawler-verifier.js';
import { PublishedRanges } from './published-ranges.js';

const GOOGLE = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const ip = (text: string) => parseIp(text)!;

/** Counts what it is asked; what it answers is given. */
class Zone implements NameResolver {
  reversed: string[] = [];
  reverse = (address: { toString(): string }): Promise<string[]> => {
    this.reversed.push(address.toString());
    return this.onReverse(address.toString());
  };
  forward = (): Promise<string[]> => Promise.resolve(['192.0.2.1', '192.0.2.2', '2001:db8::1']);

  constructor(
    public onReverse: (address: string) => Promise<string[]> = () =>
      Promise.resolve(['a.googlebot.com']),
  ) {}
}

let now = 0;
const verifier = (resolver: NameResolver, options: Partial<CrawlerVerifierOptions> = {}) =>
  new CrawlerVerifier({ resolver, now: () => now, ranges: PublishedRanges.from([]), ...options });
const never = () => new Promise<string[]>(() => undefined);

beforeEach(() => {
  now = 1_000;
  vi.useFakeTimers();
});
afterEach(() => vi.useRealTimers());

describe('the verifier of crawlers', () => {
  it('asks nobody about whoever claims nothing', async () => {
    const zone = new Zone();
    expect(await verifier(zone).verify(ip('192.0.2.1'), 'curl/8.5.0')).toMatchObject({
      verdict: 'none',
      crawler: null,
    });
    expect(await verifier(zone).verify(ip('192.0.2.1'), null)).toMatchObject({ verdict: 'none' });
    expect(zone.reversed).toEqual([]);
  });

  it('asks nobody about an address in a published range', async () => {
    const zone = new Zone();
    const ranges = PublishedRanges.from([{ crawler: 'Googlebot', prefixes: ['192.0.2.0/24'] }]);
    expect(await verifier(zone, { ranges }).verify(ip('192.0.2.77'), GOOGLE)).toMatchObject({
      verdict: 'verified',
      crawler: 'Googlebot',
    });
    // The range is Google's: it verifies nobody else.
    zone.onReverse = () => Promise.resolve(['x.example']);
    expect(await verifier(zone, { ranges }).verify(ip('192.0.2.77'), 'bingbot/2.0')).toMatchObject({
      verdict: 'refuted',
    });
  });

  it('uses the ranges that are shipped unless told otherwise', async () => {
    const zone = new Zone(never);
    const shipped = new CrawlerVerifier({ resolver: zone, now: () => now });
    expect(await shipped.verify(ip('66.249.66.1'), GOOGLE)).toMatchObject({ verdict: 'verified' });
  });

  it.each([
    ['verified', ['a.googlebot.com'], 24 * HOUR_MS],
    ['refuted', ['x.example'], 24 * HOUR_MS],
    ['unknown', null, 10 * MINUTE_MS],
  ])('keeps %s for its time, by the clock that it was given', async (verdict, names, keptMs) => {
    const zone = new Zone(() =>
      names === null ? Promise.reject(new Error('SERVFAIL')) : Promise.resolve(names),
    );
    const verify = verifier(zone);
    const ask = async () => (await verify.verify(ip('192.0.2.1'), GOOGLE)).verdict;
    expect(await ask()).toBe(verdict);
    now += keptMs - 1;
    expect(await ask()).toBe(verdict);
    expect(zone.reversed).toHaveLength(1);
    now += 2;
    expect(await ask()).toBe(verdict);
    expect(zone.reversed).toHaveLength(2);
  });

  it('keeps each claim by itself', async () => {
    const zone = new Zone();
    const verify = verifier(zone);
    expect((await verify.verify(ip('192.0.2.1'), GOOGLE)).verdict).toBe('verified');
    expect((await verify.verify(ip('192.0.2.1'), 'bingbot/2.0')).verdict).toBe('refuted');
    expect((await verify.verify(ip('192.0.2.9'), GOOGLE)).verdict).toBe('refuted');
    expect((await verify.verify(ip('192.0.2.1'), GOOGLE)).verdict).toBe('verified');
    expect(zone.reversed).toHaveLength(3);
  });

  it('takes who claims to be several for any that it is', async () => {
    const zone = new Zone();
    expect(await verifier(zone).verify(ip('192.0.2.1'), 'bingbot Googlebot')).toMatchObject({
      verdict: 'verified',
      crawler: 'Googlebot',
    });
    expect(await verifier(zone).verify(ip('192.0.2.1'), 'bingbot GPTBot')).toMatchObject({
      verdict: 'unknown',
      crawler: 'GPTBot',
    });
    expect(await verifier(zone).verify(ip('192.0.2.9'), 'bingbot Googlebot')).toMatchObject({
      verdict: 'refuted',
    });
  });

  it('keeps no more than it may', async () => {
    const verify = verifier(new Zone(), { maxEntries: 10 });
    for (let i = 0; i < 100; i++) await verify.verify(ip(`192.0.2.${i}`), GOOGLE);
    expect(verify.cachedEntries).toBe(10);
  });

  it('asks once for whoever comes several times at once', async () => {
    const zone = new Zone();
    const verify = verifier(zone);
    const checks = await Promise.all(
      ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'].map((address) =>
        verify.verify(ip(address), GOOGLE),
      ),
    );
    expect(checks.map(({ verdict }) => verdict)).toEqual(['verified', 'verified', 'verified']);
    expect(zone.reversed).toEqual(['192.0.2.1']);
  });

  it('waits three seconds for an answer, and no longer', async () => {
    const zone = new Zone(never);
    const verify = verifier(zone);
    let verdict = '';
    void verify
      .verify(ip('192.0.2.1'), GOOGLE)
      .then((check) => (verdict = `${check.verdict}: ${check.reason}`));
    await vi.advanceTimersByTimeAsync(2_999);
    expect(verdict).toBe('');
    await vi.advanceTimersByTimeAsync(1);
    expect(verdict).toBe('unknown: DNS did not answer in time');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer behind', async () => {
    await verifier(new Zone()).verify(ip('192.0.2.1'), GOOGLE);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('runs so many lookups at once and no more, also when they hang', async () => {
    const zone = new Zone(never);
    const verify = verifier(zone, { maxAtOnce: 3, maxWaiting: 4 });
    const verdicts: string[] = [];
    for (let i = 0; i < 9; i++) {
      void verify
        .verify(ip(`192.0.2.${i}`), GOOGLE)
        .then((check) => verdicts.push(`${i} ${check.reason}`));
    }
    await vi.advanceTimersByTimeAsync(0);
    // Three are under way, four wait, and for two there is no room.
    expect(zone.reversed).toEqual(['192.0.2.0', '192.0.2.1', '192.0.2.2']);
    expect(verdicts).toEqual([
      '7 too many lookups are under way',
      '8 too many lookups are under way',
    ]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(verdicts).toHaveLength(9);
    expect(verdicts.slice(2, 5)).toEqual([0, 1, 2].map((i) => `${i} DNS did not answer in time`));
    expect(zone.reversed.length).toBeLessThanOrEqual(7);
    // Whoever never had a turn is asked for the next time.
    zone.onReverse = () => Promise.resolve(['a.googlebot.com']);
    zone.reversed = [];
    await verify.verify(ip('192.0.2.8'), GOOGLE);
    expect(zone.reversed).toEqual(['192.0.2.8']);
  });

  it('gives the place of one that is done to the next', async () => {
    const zone = new Zone();
    const verify = verifier(zone, { maxAtOnce: 1 });
    const checks = await Promise.all(
      [1, 2, 9].map((i) => verify.verify(ip(`192.0.2.${i}`), GOOGLE)),
    );
    expect(checks.map(({ verdict }) => verdict)).toEqual(['verified', 'verified', 'refuted']);
  });

  it('makes no fakes of everybody where the resolver knows no name at all', async () => {
    const zone = new Zone(() => Promise.resolve([]));
    const verify = verifier(zone);
    expect((await verify.verify(ip('192.0.2.1'), GOOGLE)).verdict).toBe('unknown');
    zone.onReverse = () => Promise.resolve(['x.example']);
    expect((await verify.verify(ip('192.0.2.9'), GOOGLE)).verdict).toBe('refuted');
    zone.onReverse = () => Promise.resolve([]);
    expect((await verify.verify(ip('192.0.2.8'), GOOGLE)).verdict).toBe('refuted');
  });

  it('never rejects, whatever the resolver does', async () => {
    const zone = new Zone(() => {
      throw new Error('synchronously');
    });
    expect((await verifier(zone).verify(ip('192.0.2.1'), GOOGLE)).verdict).toBe('unknown');
    zone.onReverse = () => Promise.resolve(undefined as unknown as string[]);
    expect((await verifier(zone).verify(ip('192.0.2.1'), GOOGLE)).verdict).toBe('unknown');
  });
});
