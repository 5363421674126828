import { describe, expect, it } from 'vitest';
import { clientText } from '../../net/client-key.js';
import { parseIp } from '../../net/ip-address.js';
import { bitsOf, type SignalName } from '../../signals/signal.js';
import type { Detector, DetectorRule, SubjectKind } from '../detector.js';
import { authFailuresDetector } from '../detectors/auth-failures.js';
import type { WatchEvent } from './watch-event.js';
import { Watch, type WatchFound } from './watch.js';

const MINUTE_US = 60_000_000;

const event = (client: string, endedAtUs: number, signals: SignalName[]): WatchEvent => ({
  endedAtUs,
  client: parseIp(client),
  address: parseIp(client),
  userId: null,
  attemptedUser: null,
  route: null,
  path: '/login',
  method: 'POST',
  userAgent: null,
  outcome: 'refused',
  status: 401,
  sensitive: false,
  signals: bitsOf(signals),
});

it('adds what it decides upon late to what was counted long before, however much goes on meanwhile', () => {
  const found: number[] = [];
  const watch = new Watch({
    detectors: [authFailuresDetector()],
    maxBytes: 4_000_000,
    seed: [1, 2],
    onFound: ({ found: { rule } }) => found.push(rule),
  });
  const fail = (atUs: number) => watch.see(event('203.0.113.7', atUs, ['auth-failure']));
  for (let n = 0; n < 10; n += 1) fail(n);
  for (let n = 0; n < 10; n += 1) fail(59 * MINUTE_US + n);
  // A busy app: by now each place of memory has been looked at for what is over.
  for (let n = 0; n < 10_000; n += 1) {
    watch.see(event('198.51.100.1', 65 * MINUTE_US + n, []));
  }
  expect(found).not.toContain(1);
  watch.advance(75 * MINUTE_US);
  expect(found).toContain(1);
});

const SECOND_US = 1_000_000;

/** A watch of one rule, and what it has found. */
function watchOf(
  rule: Partial<DetectorRule>,
  { of = 'client', ...rest }: Partial<Detector> & { of?: SubjectKind } = {},
) {
  const found: WatchFound[] = [];
  const watch = new Watch({
    detectors: [
      {
        name: 'own',
        of,
        rules: [{ counts: { any: ['unmatched'] }, atLeast: 3, windowMs: 60_000, ...rule }],
        weight: 1,
        words: () => ({ reason: 'own' }),
        ...rest,
      },
    ],
    maxBytes: 4_000_000,
    seed: [3, 4],
    onFound: (one) => found.push(one),
  });
  const see = (given: Partial<WatchEvent> & { from?: string; atUs: number }): void => {
    const { from = '203.0.113.7', atUs, ...others } = given;
    watch.see({ ...event(from, atUs, ['unmatched']), ...others });
  };
  const counts = () => found.map(({ found: { count } }) => count);
  return { watch, found, see, counts };
}

describe('a watch', () => {
  it('tells when a count is reached, and of what goes on once a second', () => {
    const { watch, see, counts } = watchOf({});
    see({ atUs: 0 });
    see({ atUs: 1 });
    expect(counts()).toEqual([]);
    see({ atUs: 2 });
    expect(counts()).toEqual([3]);
    see({ atUs: 3 });
    see({ atUs: 4 });
    watch.advance(SECOND_US + 2);
    expect(counts()).toEqual([3]);
    watch.advance(SECOND_US + 3);
    expect(counts()).toEqual([3, 5]);
    watch.advance(9 * SECOND_US);
    expect(counts()).toEqual([3, 5]);
    see({ atUs: 10 * SECOND_US });
    expect(counts()).toEqual([3, 5, 6]);
    see({ atUs: 11 * SECOND_US });
    expect(counts()).toEqual([3, 5, 6, 7]);
  });

  it('does so whatever the year', () => {
    const { see, counts } = watchOf({});
    for (let n = 0; n < 5; n += 1) see({ atUs: 1_800_000_000 * SECOND_US + n });
    expect(counts()).toEqual([3]);
  });

  it('tells at once of what shows anything new, and not again what had waited', () => {
    const { watch, see, found } = watchOf({});
    for (let n = 0; n < 4; n += 1) see({ atUs: n });
    see({ atUs: 5, path: '/other' });
    expect(found.map((one) => [one.found.count, one.found.paths])).toEqual([
      [3, ['/login']],
      [5, ['/login', '/other']],
    ]);
    watch.advance(9 * SECOND_US);
    expect(found).toHaveLength(2);
  });

  it('tells of the latest of what has gone on, with the address and agent it came with', () => {
    const { watch, see, found } = watchOf({ windowMs: 1_000, atLeast: 2 });
    for (const ms of [0, 100, 200, 300]) see({ atUs: ms * 1_000 });
    see({ atUs: 1_150_000, userAgent: null, address: parseIp('203.0.113.8') });
    expect(found).toHaveLength(1);
    watch.advance(2 * SECOND_US);
    expect(found).toHaveLength(2);
    expect(found[1]).toMatchObject({
      subject: '203.0.113.7',
      kind: 'client',
      address: parseIp('203.0.113.8'),
      userAgent: null,
      found: { count: 3, firstSeen: new Date(200), lastSeen: new Date(1_150) },
    });
  });

  it('tells of eight at most while a request waits, and of all when time passes', () => {
    const { watch, see, found } = watchOf({ atLeast: 1 });
    for (const atUs of [0, 1]) {
      for (let n = 1; n <= 20; n += 1) see({ from: `203.0.113.${n}`, atUs });
    }
    expect(found).toHaveLength(20);
    see({ from: '198.51.100.1', atUs: 5 * SECOND_US, signals: 0 });
    expect(found).toHaveLength(28);
    watch.advance(5 * SECOND_US);
    expect(found).toHaveLength(40);
  });

  it('counts no further than twice the threshold, or sixteen', () => {
    const few = watchOf({ atLeast: 3 });
    const many = watchOf({ atLeast: 20 });
    for (let n = 0; n < 100; n += 1) {
      few.see({ atUs: n, path: `/${n}` });
      many.see({ atUs: n, path: `/${n}` });
    }
    few.watch.advance(9 * SECOND_US);
    many.watch.advance(9 * SECOND_US);
    expect([few.counts().at(-1), many.counts().at(-1)]).toEqual([16, 40]);
  });

  it('counts different paths, users or clients where it is asked to', () => {
    const paths = watchOf({ distinct: 'path' });
    for (const path of ['/a', '/a', '/b', '/b', '/c']) paths.see({ atUs: 0, path });
    expect(paths.counts()).toEqual([3]);
    const users = watchOf({ distinct: 'user' });
    for (const attemptedUser of ['a', null, 'a', 'b', null]) users.see({ atUs: 0, attemptedUser });
    expect(users.counts()).toEqual([]);
    users.see({ atUs: 0, userId: 'c' });
    expect(users.counts()).toEqual([3]);
    const clients = watchOf({ distinct: 'client' }, { of: 'route' });
    const route = '/x/:id';
    for (const from of ['192.0.2.1', '192.0.2.1', '192.0.2.2'])
      clients.see({ atUs: 0, from, route });
    clients.see({ atUs: 0, client: null, route });
    clients.see({ atUs: 0, from: '192.0.2.3', route: null });
    expect(clients.counts()).toEqual([]);
    clients.see({ atUs: 0, from: '192.0.2.3', route });
    expect(clients.counts()).toEqual([3]);
    expect(clients.found[0]).toMatchObject({
      kind: 'route',
      subject: route,
      found: { clients: ['192.0.2.2', '192.0.2.3'] },
    });
  });

  it('counts users across clients, and names both', () => {
    const { see, found } = watchOf({ atLeast: 2 }, { of: 'user' });
    see({ atUs: 0, userId: 'ada', from: '192.0.2.1' });
    see({ atUs: 0, userId: null, from: '192.0.2.1' });
    see({ atUs: 0, userId: 'bob', from: '192.0.2.1' });
    expect(found).toEqual([]);
    see({ atUs: 0, userId: 'ada', client: null, address: null });
    expect(found[0]).toMatchObject({ subject: 'ada', found: { clients: ['192.0.2.1'] } });
    see({ atUs: 1, userId: 'ada', from: '2001:db8::1' });
    expect(found[1]!.found.clients).toEqual(['192.0.2.1', '2001:db8::/64']);
  });

  it('names no clients of a client, which is one', () => {
    const { see, found } = watchOf({ atLeast: 1 });
    see({ atUs: 0, from: '2001:db8:0:1::5' });
    see({ atUs: 0, from: '192.0.2.1', client: null });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ subject: '2001:db8:0:1::/64', found: { clients: [] } });
  });

  it('counts an IPv6 client by its /64', () => {
    const { see, counts } = watchOf({});
    for (const n of [1, 2, 3]) see({ atUs: 0, from: `2001:db8:0:1::${n}` });
    see({ atUs: 0, from: '2001:db8:0:2::1' });
    expect(counts()).toEqual([3]);
  });

  it('leaves out a path that others miss as well', () => {
    const { see, counts } = watchOf({ unlessMissedBy: 2, atLeast: 2 });
    see({ atUs: 0, from: '192.0.2.1', path: '/gone' });
    see({ atUs: 0, from: '192.0.2.2', path: '/gone' });
    see({ atUs: 0, from: '192.0.2.3', path: '/gone' });
    see({ atUs: 0, from: '192.0.2.3', path: '/gone' });
    see({ atUs: 0, from: '192.0.2.3', path: '/gone too' });
    expect(counts()).toEqual([]);
    see({ atUs: 0, from: '192.0.2.2', path: '/gone too' });
    expect(counts()).toEqual([2]);
  });

  it('counts what nobody else misses, and a path of no client by itself', () => {
    const { see, counts } = watchOf({ unlessMissedBy: 1 }, { of: 'route' });
    for (let n = 0; n < 3; n += 1) see({ atUs: n, client: null, route: '/r' });
    expect(counts()).toEqual([3]);
  });

  it('forgets a client: its counts, what waits, and what was to be told', () => {
    const { watch, see, counts } = watchOf({});
    for (let n = 0; n < 4; n += 1) see({ atUs: n });
    watch.forget(parseIp('203.0.113.7')!);
    watch.advance(9 * SECOND_US);
    see({ atUs: 9 * SECOND_US });
    see({ atUs: 9 * SECOND_US });
    expect(counts()).toEqual([3]);
    see({ atUs: 9 * SECOND_US });
    expect(counts()).toEqual([3, 3]);

    const late = watchOf({ without: { any: ['auth-success'], of: 'user', withinMs: 1_000 } });
    for (let n = 0; n < 3; n += 1) late.see({ atUs: n });
    late.watch.forget(parseIp('203.0.113.7')!);
    late.watch.advance(9 * SECOND_US);
    expect(late.counts()).toEqual([]);
  });

  it('does not forget users with a client', () => {
    const { watch, see, counts } = watchOf({}, { of: 'user' });
    // Somebody may be called what a client is counted under.
    const client = parseIp('203.0.113.7')!;
    const userId = clientText(client);
    for (let n = 0; n < 2; n += 1) see({ atUs: 0, userId });
    watch.forget(client);
    see({ atUs: 0, userId });
    expect(counts()).toEqual([3]);
  });

  it('goes on when the clock is set back, and says when it was by that clock', () => {
    const { see, found } = watchOf({});
    see({ atUs: 10_000 * SECOND_US });
    see({ atUs: 10_001 * SECOND_US });
    see({ atUs: 1_000 * SECOND_US });
    expect(found).toHaveLength(1);
    expect(found[0]!.found).toMatchObject({
      count: 3,
      firstSeen: new Date(999_000),
      lastSeen: new Date(1_000_000),
    });
  });

  it('leaves to the scan what is the scan’s, and says what it holds', () => {
    const scans = watchOf({}, { runs: 'scan' });
    for (let n = 0; n < 9; n += 1) scans.see({ atUs: n });
    expect(scans.counts()).toEqual([]);
    expect(scans.watch.stats.counters).toBe(0);
    const { watch, see } = watchOf({}, { runs: 'watch' });
    for (let n = 0; n < 9; n += 1) see({ atUs: n, from: `192.0.2.${n}` });
    expect(watch.stats).toMatchObject({
      counters: 9,
      evicted: 0,
      uncounted: 0,
      undecidedDropped: 0,
    });
    expect(watch.stats.bytes).toBeGreaterThan(0);
    const late = watchOf({ without: { any: ['auth-success'], of: 'user', withinMs: 1_000 } });
    for (let n = 0; n < 20_001; n += 1) {
      late.see({ atUs: 0, from: `10.0.${n >> 8}.${n & 255}` });
    }
    expect(late.watch.stats.undecidedDropped).toBe(2_000);
  });

  it('waits for what takes back, and has no address to tell by then', () => {
    const { watch, see, found } = watchOf({
      atLeast: 1,
      without: { any: ['auth-success'], of: 'user', withinMs: 1_000 },
    });
    see({ atUs: 0, attemptedUser: 'ada' });
    see({ atUs: 0, attemptedUser: 'bob' });
    see({ atUs: 500, attemptedUser: 'ada', signals: bitsOf(['auth-success']) });
    see({ atUs: 0, attemptedUser: 'eve', client: null });
    watch.advance(SECOND_US);
    expect(found).toEqual([]);
    watch.advance(SECOND_US + 1);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ address: null, subject: '203.0.113.7' });
    expect(found[0]!.found.lastSeen).toEqual(new Date(0));
  });

  it('takes back by what does, and by no other request', () => {
    const { watch, see, counts } = watchOf({
      atLeast: 2,
      without: { any: ['auth-success'], of: 'user', withinMs: 1_000 },
    });
    see({ atUs: 0, attemptedUser: 'ada' });
    see({ atUs: 10, attemptedUser: 'ada' });
    watch.advance(9 * SECOND_US);
    expect(counts()).toEqual([2]);
  });

  it('waits for so many of one client and no more, by chance', () => {
    const { watch, see, counts } = watchOf({
      atLeast: 50,
      without: { any: ['auth-success'], of: 'user', withinMs: 1_000 },
    });
    for (let n = 0; n < 1_000; n += 1) see({ atUs: 0, attemptedUser: `user${n}`, path: `/${n}` });
    watch.advance(9 * SECOND_US);
    expect(counts().at(-1)).toBe(64);
  });

  it('shows what requests had in common, and some of what they were', () => {
    const { see, found } = watchOf({ atLeast: 2 });
    see({ atUs: 0, userAgent: 'curl', signals: bitsOf(['unmatched', 'malformed']) });
    see({ atUs: 0, method: 'GET', userAgent: 'wget' });
    expect(found[0]!.found).toMatchObject({
      signals: ['unmatched', 'malformed'],
      commonSignals: ['unmatched'],
      agents: ['curl', 'wget'],
      methods: ['POST', 'GET'],
      paths: ['/login'],
    });
  });
});
