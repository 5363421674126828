import { expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { bitsOf, type SignalName } from '../../signals/signal.js';
import { authFailuresDetector } from '../detectors/auth-failures.js';
import type { WatchEvent } from './watch-event.js';
import { Watch } from './watch.js';

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
