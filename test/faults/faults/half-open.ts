import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { blackHoleProxy } from '../../support/black-hole-proxy.js';
import { p99, type Fault } from '../drill.js';
import { drained, expectIdentity, UNDER_LOAD } from '../identity.js';

/** Packets vanish, and nobody is told. */
export const halfOpen: Fault = {
  name: 'half-open sockets',
  async run(drill) {
    const database = await drill.database();
    const url = new URL(database.url);
    const proxy = await blackHoleProxy(Number(url.port));
    drill.onEnd(() => proxy.stop());
    url.port = String(proxy.port);
    const app = await drill.app({ databaseUrl: url.href, stateDir: drill.folder() });
    const load = drill.load(() => app.url);
    await sleep(500);
    proxy.isSwallowing = true;
    const cutAt = performance.now();
    while (!(await app.stats()).isFailing) await sleep(50);
    const noticedMs = performance.now() - cutAt;
    await sleep(drill.scaled(0, 110_000));
    proxy.isSwallowing = false;
    const healedAt = performance.now();
    await drained([app], 15_000, UNDER_LOAD);
    const recoveredMs = performance.now() - healedAt;
    await load.stop();
    await drained([app]);
    const { answered } = await expectIdentity(database.url, [load]);
    expect(load.failed).toBe(0);
    expect(noticedMs).toBeLessThan(11_000);
    expect(recoveredMs).toBeLessThan(15_000);
    return {
      answered: String(answered),
      'p99 ms': p99(load),
      'noticed after ms': noticedMs.toFixed(0),
      'recovered after ms': recoveredMs.toFixed(0),
    };
  },
};
