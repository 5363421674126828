import type { Detector, DetectorRule, SubjectKind } from '../../src/detection/detector.js';
import type { WatchEvent } from '../../src/detection/watch/watch-event.js';
import { Watch, type WatchFound } from '../../src/detection/watch/watch.js';
import { parseIp } from '../../src/net/ip-address.js';
import { bitsOf, type SignalName } from '../../src/signals/signal.js';

export const SECOND_US = 1_000_000;

/** What counts unless its user signs in within a second. */
export const UNLESS_SIGNED_IN = {
  without: { any: ['auth-success'], of: 'user', withinMs: 1_000 },
} as const satisfies Partial<DetectorRule>;

/** A refused sign-in. */
export const eventOf = (client: string, endedAtUs: number, signals: SignalName[]): WatchEvent => ({
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

/** A watch of one rule, and what it has found. */
export function watchOf(
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
    watch.see({ ...eventOf(from, atUs, ['unmatched']), ...others });
  };
  const counts = () => found.map(({ found: { count } }) => count);
  return { watch, found, see, counts };
}
