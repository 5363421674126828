/**
 * What the watch takes in memory and time, with the built-in detectors: a million clients who each send a few requests,
 * some of which count; and the longest that one request has to wait for it.
 *
 *   npm run bench -- watch [clients]
 */
import { cpus } from 'node:os';
import { detectionSettings } from '../src/detection/detection.options.js';
import { isLogDetector } from '../src/detection/detector-rule.js';
import type { Detector } from '../src/detection/detector.js';
import type { WatchEvent } from '../src/detection/watch/watch-event.js';
import { Watch } from '../src/detection/watch/watch.js';
import { IpAddress } from '../src/net/ip-address.js';
import { bitsOf } from '../src/signals/signal.js';
import { percentile, printTable } from './support/figures.js';

const [clients = 1_000_000] = process.argv.slice(2).map(Number);
const detectors = detectionSettings({}).detectors.filter(
  (detector): detector is Detector => !isLogDetector(detector),
);
const { watchMaxBytes } = detectionSettings({});
const START_US = Date.parse('2026-03-01T10:00:00Z') * 1_000;
const UNMATCHED = bitsOf(['unmatched']);

function eventOf(client: number, atUs: number, signals: number): WatchEvent {
  const ip = IpAddress.fromV4(client);
  return {
    endedAtUs: atUs,
    client: ip,
    address: ip,
    userId: null,
    attemptedUser: null,
    route: signals === 0 ? '/orders/:id' : null,
    path: signals === 0 ? '/orders/1' : `/missing-${client % 5_000}`,
    method: 'GET',
    userAgent: 'Mozilla/5.0',
    outcome: signals === 0 ? 'served' : 'unmatched',
    status: signals === 0 ? 200 : 404,
    sensitive: false,
    signals,
  };
}

const table: string[][] = [
  ['a million clients, each', 'ns a request', 'p99.9 us', 'worst ms', 'counters', 'MB', 'RSS MB'],
];
for (const [name, signals] of [
  ['one ordinary request', () => 0],
  ['one missing path', () => UNMATCHED],
  ['one of each', (n: number) => (n % 2 === 0 ? 0 : UNMATCHED)],
] as const) {
  global.gc?.();
  const before = process.memoryUsage().rss;
  let found = 0;
  const watch = new Watch({
    detectors,
    maxBytes: watchMaxBytes,
    seed: [1, 2],
    onFound: () => (found += 1),
  });
  const requests = name === 'one of each' ? 2 * clients : clients;
  const took = new Float64Array(requests);
  const started = process.cpuUsage();
  for (let n = 0; n < requests; n += 1) {
    // Within ten seconds, so that no counter is over before the last client is there.
    const event = eventOf(n % clients, START_US + Math.floor((n / requests) * 9e6), signals(n));
    const at = performance.now();
    watch.see(event);
    took[n] = performance.now() - at;
  }
  const { user, system } = process.cpuUsage(started);
  const { counters, bytes } = watch.stats;
  table.push([
    name,
    (((user + system) * 1_000) / requests).toFixed(0),
    (percentile([...took], 0.999) * 1_000).toFixed(1),
    took.reduce((most, ms) => Math.max(most, ms), 0).toFixed(1),
    String(counters),
    (bytes / 1e6).toFixed(0),
    ((process.memoryUsage().rss - before) / 1e6).toFixed(0),
  ]);
  if (found > requests) throw new Error('unreachable, and keeps the loop');
}
process.stdout.write(`${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n\n`);
printTable(table);
