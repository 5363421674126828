import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.js';
import type { Fault } from '../drill.js';
import type { BrokenFiles } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';
import { spooled } from '../spooled-ids.js';

const REFUSALS: readonly BrokenFiles[] = [
  // Files that are open need no others until they fail.
  { on: ['open', 'write'], code: 'EMFILE' },
  { on: ['write'], code: 'EIO' },
  { on: ['datasync'], code: 'EIO' },
  { on: ['everything'], code: 'EROFS' },
];

/**
 * While the database is down, the spool's files fail in one way after another: records wait in memory, and are spooled
 * once the files are well. Then the process is killed, and the next one delivers all of them.
 */
export const filesRefuse: Fault = {
  name: 'EIO, EMFILE, read-only folder',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    const app = await drill.app({ databaseUrl: server.url, stateDir });
    await server.stop('fast');
    let url: string | null = null;
    const load = drill.load(() => url);
    for (const refusal of REFUSALS) {
      await app.breakFiles(refusal);
      url = app.url;
      await eventually(async () => (await app.stats()).spool === 'unavailable', {
        withinMs: 20_000,
        what: `notice of ${refusal.code}`,
      });
      await sleep(drill.scaled(100, 10_000));
      await app.breakFiles(null);
      await eventually(async () => (await app.stats()).spool === 'ready', {
        withinMs: 20_000,
        what: `use of the spool after ${refusal.code}`,
      });
    }
    url = null;
    await load.stop();
    await spooled(stateDir, load.ids);
    expect((await app.stats()).dropped).toBe(0);
    await app.end('SIGKILL');
    const next = await drill.app({ databaseUrl: server.url, stateDir });
    await server.start();
    const account = await expectIdentity(server.url, [load], [next]);
    await drained([next]);
    expect(load.failed).toBe(0);
    return figuresOf(account);
  },
};
