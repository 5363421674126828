import { describe, expect, it } from 'vitest';
import { bitsOf } from '../../signals/signal.js';
import { eventOf, SECOND_US, UNLESS_SIGNED_IN, watchOf } from '../../../test/support/watched.js';
import { authFailuresDetector } from '../detectors/auth-failures.js';
import { Watch } from './watch.js';

describe('a watch', () => {
  it('waits for what takes back, and has no address to tell by then', () => {
    const { watch, see, found } = watchOf({
      atLeast: 1,
      ...UNLESS_SIGNED_IN,
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
      ...UNLESS_SIGNED_IN,
    });
    see({ atUs: 0, attemptedUser: 'ada' });
    see({ atUs: 10, attemptedUser: 'ada' });
    watch.advance(9 * SECOND_US);
    expect(counts()).toEqual([2]);
  });

  it('waits for so many of one client and no more, by chance', () => {
    const { watch, see, counts } = watchOf({
      atLeast: 50,
      ...UNLESS_SIGNED_IN,
    });
    for (let n = 0; n < 1_000; n += 1) see({ atUs: 0, attemptedUser: `user${n}`, path: `/${n}` });
    watch.advance(9 * SECOND_US);
    expect(counts().at(-1)).toBe(64);
  });
});

const MINUTE_US = 60 * SECOND_US;

it('adds what it decides upon late to what was counted long before, however much goes on meanwhile', () => {
  const found: number[] = [];
  const watch = new Watch({
    detectors: [authFailuresDetector()],
    maxBytes: 4_000_000,
    seed: [1, 2],
    onFound: ({ found: { rule } }) => found.push(rule),
  });
  const fail = (atUs: number) => watch.see(eventOf('203.0.113.7', atUs, ['auth-failure']));
  for (let n = 0; n < 10; n += 1) fail(n);
  for (let n = 0; n < 10; n += 1) fail(59 * MINUTE_US + n);
  // A busy app: by now each place of memory has been looked at for what is over.
  for (let n = 0; n < 10_000; n += 1) {
    watch.see(eventOf('198.51.100.1', 65 * MINUTE_US + n, []));
  }
  expect(found).not.toContain(1);
  watch.advance(75 * MINUTE_US);
  expect(found).toContain(1);
});
