import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillApp } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

const MAX_QUEUED = 100;

/** The database is down until the disk of the spool is full, and memory too; then it is back. */
export const spoolFull: Fault = {
  name: 'spool disk full',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    const isDisk = mountTmpfs(drill, stateDir);
    const app = await drill.app({
      databaseUrl: server.url,
      stateDir,
      requestLog: { tuning: { maxQueued: MAX_QUEUED }, spool: isDisk ? {} : { maxBytes: 65_536 } },
    });
    const load = drill.load(
      () => app.url,
      (id) => `/${'x'.repeat(1_000)}/${id}`,
    );
    await server.stop('fast');
    const during = await eventually(
      async () => {
        const stats = await app.stats();
        return stats.dropped > 50 && stats.spool !== 'ready' ? stats : undefined;
      },
      { withinMs: 60_000, what: 'the first drops' },
    );
    await sleep(drill.scaled(0, 60_000));
    await server.start();
    await eventually(() => dropsNothing(app), { withinMs: 30_000, what: 'room for all again' });
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(server.url, [load], [app]);
    expect(load.failed).toBe(0);
    expect(during.spool).toBe(isDisk ? 'unavailable' : 'full');
    await eventually(async () => (await app.stats()).spool === 'ready', {
      withinMs: 20_000,
      what: 'the use of the disk again',
    });
    return {
      ...figuresOf(account),
      'spool kB': String(Math.round(during.spooledBytes / 1_024)),
      disk: isDisk ? 'tmpfs of 256 kB' : 'cap of 64 kB',
    };
  },
};

/** Whether so many records have found room as would have filled memory. */
async function dropsNothing(app: DrillApp): Promise<boolean> {
  const before = await app.stats();
  await eventually(async () => (await app.stats()).enqueued >= before.enqueued + MAX_QUEUED, {
    withinMs: 20_000,
  });
  return (await app.stats()).dropped === before.dropped;
}

function mountTmpfs(drill: Drill, path: string): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=0700', 'tmpfs', path], {
      stdio: 'ignore',
    });
  } catch {
    return false;
  }
  drill.onEnd(async () => execFileSync('umount', ['-l', path]));
  return true;
}
