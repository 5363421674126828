import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { BanService, IpRuleService } from '../../src/index.js';
import { ServerPool } from '../faults/server-pool.js';
import { auditOf, banningHostAt, bansOf, storedBan } from '../support/banning-host.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const STORED = '203.0.113.6';
const HELD = '203.0.113.7';
const NOBODY = '203.0.113.8';
const servers = new ServerPool();
afterAll(() => servers.close());

describe.each(ADAPTERS)('to unblock on %s while the database is down', (adapter) => {
  const started = (url: string, stateDir: string) => banningHostAt(url, adapter, { stateDir });

  it('ends what this process alone holds, says what it could not do, and does it once the database is back', async () => {
    const server = await servers.take();
    onTestFinished(() => server.giveBack());
    const folder = temporaryFolder('state');
    onTestFinished(() => folder.remove());
    const stateDir = join(folder.path, 'state');
    const host = await started(server.url, stateDir);
    const ask = async (from: string, path = '/', where = host) =>
      (await where.send({ from, path })).status;
    const unblock = (network: string, where = host) =>
      where.app.get(IpRuleService).unblock(network, { by: 'ada' });
    await ask(STORED, '/.env');
    await storedBan(host, STORED);
    await server.stop('immediate');

    await ask(HELD, '/.env');
    expect(await ask(HELD)).toBe(403);
    await expect(unblock(HELD)).rejects.toMatchObject({
      code: 'IPT_DATABASE_UNAVAILABLE',
      message: expect.stringMatching(
        /^the ban of 203\.0\.113\.7\/32, which this process held and had not stored, has ended; .*rules that are stored for 203\.0\.113\.7\/32 stay as they are/,
      ),
    });
    expect(await ask(HELD)).toBe(200);
    // What was before does not count, and what comes within the hour is flagged at most.
    expect(await ask(HELD, '/.env')).toBe(404);
    expect(await ask(HELD)).toBe(200);
    expect(host.app.get(BanService).list()).not.toMatchObject([{ network: `${HELD}/32` }]);

    for (const network of [STORED, NOBODY]) {
      await expect(unblock(network)).rejects.toMatchObject({
        code: 'IPT_DATABASE_UNAVAILABLE',
        message: expect.stringContaining(
          `nothing is unblocked: this process holds no ban of ${network}/32 that is not stored`,
        ),
      });
    }
    expect(await ask(STORED)).toBe(403);
    // A command is another process: nothing is held there.
    const { code, stderr } = await runCli(['unblock-ip', HELD], {
      IP_TRACKING_DATABASE_URL: server.url,
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('nothing is unblocked');

    // Another process has the same ban by itself: the pardon ends it when the database is back.
    const second = await started(server.url, stateDir);
    await ask(HELD, '/.env', second);
    expect(await ask(HELD, '/', second)).toBe(403);

    await server.start();
    await eventually(async () => (await ask(HELD, '/', second)) === 200, {
      withinMs: 60_000,
      what: 'the pardon elsewhere',
    });
    await eventually(
      async () => (await auditOf(host, HELD).catch(() => [])).some((event) => event === 'pardon'),
      { withinMs: 40_000, what: 'the pardon in the audit' },
    );
    await eventually(async () => (await ask(HELD)) === 200, { what: 'the pardon here' });
    const [pardon] = await host.database.query<{ actor: string }>(
      `select actor from ip_tracking.ban_event where event = 'pardon'`,
    );
    expect(pardon?.actor).toBe('ada');
    expect((await bansOf(host)).map(({ network }) => network)).toEqual([`${STORED}/32`]);
    expect(await unblock(STORED)).toHaveLength(1);
    expect(await ask(STORED)).toBe(200);
  }, 180_000);
});
