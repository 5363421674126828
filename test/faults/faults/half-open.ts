import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect } from 'vitest';
import { blackHoleProxy, type BlackHoleProxy } from '../../support/black-hole-proxy.js';
import { eventually } from '../../support/eventually.js';
import { p99, type Drill, type Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf, UNDER_LOAD } from '../identity.js';

/** A write is given up after so many milliseconds without an answer. */
const ANSWER_TIMEOUT_MS = 10_000;
/** After the network is back: a pause between two attempts, and a write that waits for what PostgreSQL still holds. */
const RECOVERY_MS = 15_000;
/** What a machine may take for the rest of it that has other work. */
const SLOW_MACHINE_MS = 5_000;
/** Bytes of one COPY of which PostgreSQL puts some into the table before it knows whether all are there. */
const MANY_ROWS = 200_000;
/** The message of the protocol that ends a COPY. */
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/** Packets vanish, and nobody is told: not the app, and not PostgreSQL, which keeps what the lost connections hold. */
export const halfOpen: Fault = {
  name: 'half-open sockets',
  run: (drill) =>
    cutOff(drill, { fullMs: 120_000 }, async (proxy) => {
      await sleep(500);
      proxy.isSwallowing = true;
    }),
};

/** The same, while the connection holds a lock on the whole table, to give it its next days. */
export const halfOpenInUpkeep: Fault = {
  name: 'half-open while partitions are made',
  run: (drill) =>
    cutOff(drill, { fullMs: 15_000 }, async (proxy) => {
      proxy.cut = (bytes) => (bytes.includes('ip_tracking.make_partition') ? 0 : null);
      await eventually(() => proxy.isSwallowing, { withinMs: 20_000, what: 'the first partition' });
    }),
};

/** The same, when the rows of a COPY have arrived, and the word that these are all of them has not. */
export const halfOpenInCopy: Fault = {
  name: 'half-open at the end of a COPY',
  run: (drill) =>
    cutOff(drill, { fullMs: 15_000, pathOf: longPath }, async (proxy, databaseUrl) => {
      const other = new Client({ connectionString: databaseUrl });
      await other.connect();
      await other.query('begin; lock table ip_tracking.request_log in access exclusive mode');
      // Records pile up, so that the next COPY is a large one.
      await sleep(2_000);
      let size = 0;
      proxy.cut = (bytes) => {
        size = bytes.includes('copy ip_tracking.request_log') ? 0 : size + bytes.length;
        const isWhole = bytes.subarray(-COPY_DONE.length).equals(COPY_DONE);
        return isWhole && size > MANY_ROWS ? bytes.length - COPY_DONE.length : null;
      };
      await other.query('rollback');
      await other.end();
      await eventually(() => proxy.isSwallowing, { withinMs: 20_000, what: 'a large COPY' });
    }),
};

const longPath = (id: string): string => `/${'x'.repeat(1_800)}/${id}`;

async function cutOff(
  drill: Drill,
  { fullMs, pathOf }: { fullMs: number; pathOf?: (id: string) => string },
  cut: (proxy: BlackHoleProxy, databaseUrl: string) => Promise<void>,
): Promise<Record<string, string>> {
  const database = await drill.database();
  const url = new URL(database.url);
  const proxy = await blackHoleProxy(Number(url.port));
  drill.onEnd(() => proxy.stop());
  url.port = String(proxy.port);
  const app = await drill.app({ databaseUrl: url.href, stateDir: drill.folder() });
  const load = drill.load(() => app.url, pathOf);
  await cut(proxy, database.url);
  const cutAt = performance.now();
  await eventually(async () => (await app.stats()).isFailing, {
    withinMs: ANSWER_TIMEOUT_MS + SLOW_MACHINE_MS,
    what: 'notice of the cut',
  });
  const noticedMs = performance.now() - cutAt;
  // Longer than the app keeps any of the connections that it had.
  await sleep(Math.max(0, cutAt + drill.scaled(12_000, fullMs) - performance.now()));
  proxy.cut = null;
  proxy.isSwallowing = false;
  const healedAt = performance.now();
  await eventually(async () => !(await app.stats()).isFailing, {
    withinMs: RECOVERY_MS,
    what: 'recovery',
  });
  const recoveredMs = performance.now() - healedAt;
  await drained([app], 60_000, UNDER_LOAD);
  const drainedMs = performance.now() - healedAt;
  await load.stop();
  await drained([app]);
  const account = await expectIdentity(database.url, [load], [app]);
  expect(load.failed).toBe(0);
  return {
    ...figuresOf(account),
    'p99 ms': p99(load),
    'noticed after ms': noticedMs.toFixed(0),
    'recovered after ms': recoveredMs.toFixed(0),
    'drained after ms': drainedMs.toFixed(0),
  };
}
