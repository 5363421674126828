import { describe, expect, it } from 'vitest';
import { clientText } from '../../net/client-key.js';
import { parseIp } from '../../net/ip-address.js';
import { SECOND_US, UNLESS_SIGNED_IN, watchOf } from '../../../test/support/watched.js';

describe('a watch', () => {
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

    const late = watchOf(UNLESS_SIGNED_IN);
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
    const late = watchOf(UNLESS_SIGNED_IN);
    for (let n = 0; n < 20_001; n += 1) {
      late.see({ atUs: 0, from: `10.0.${n >> 8}.${n & 255}` });
    }
    expect(late.watch.stats.undecidedDropped).toBe(2_000);
  });
});
