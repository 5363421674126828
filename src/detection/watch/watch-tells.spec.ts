import { describe, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { bitsOf } from '../../signals/signal.js';
import { SECOND_US, watchOf } from '../../../test/support/watched.js';

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
