import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { BanService, DetectionService, IpRuleService } from '../../src/index.js';
import { ServerPool } from '../faults/server-pool.js';
import { auditOf, banningHostAt, bansOf, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ATTACKER = '203.0.113.7';
const servers = new ServerPool();
afterAll(() => servers.close());

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((path) => /bans-[0-9a-f]{16}\.json$/.test(path));
}

describe.each(ADAPTERS)('a ban on %s while the database is down', (adapter) => {
  const started = (url: string, stateDir: string) => banningHostAt(url, adapter, { stateDir });

  it('holds in the process, for the next one, and is stored once when it is back', async () => {
    const server = await servers.take();
    onTestFinished(() => server.giveBack());
    const folder = temporaryFolder('state');
    onTestFinished(() => folder.remove());
    const stateDir = join(folder.path, 'state');
    const first = await started(server.url, stateDir);
    await first.send({});
    await server.stop('immediate');
    await first.send({ path: '/.env', from: ATTACKER });
    expect((await first.send({ from: ATTACKER })).status).toBe(403);
    await eventually(() => filesOf(stateDir).length === 1, { what: 'the file' });
    expect(first.app.get(BanService).list()).toMatchObject([
      { action: 'ban', network: `${ATTACKER}/32`, detector: 'probe-path' },
    ]);

    // Another process boots without the database: it knows the rules, and the ban.
    const second = await started(server.url, stateDir);
    expect((await second.send({ from: ATTACKER })).status).toBe(403);
    expect((await second.send({ from: '198.51.100.1' })).status).toBe(200);

    await server.start();
    const rule = await eventually(() => storedBan(first, ATTACKER).catch(() => undefined), {
      withinMs: 40_000,
      what: 'the ban in the database',
    });
    const [finding] = await first.app.get(DetectionService).findings();
    expect(finding).toMatchObject({ subject: ATTACKER, detector: 'probe-path' });
    expect(rule.findingId).toBe(finding!.id);
    await eventually(() => filesOf(stateDir).length === 0, {
      withinMs: 40_000,
      what: 'the files to go',
    });
    expect(await bansOf(first)).toHaveLength(1);
    expect(await auditOf(first, ATTACKER)).toEqual(['ban ban']);
    expect((await first.send({ from: ATTACKER })).status).toBe(403);
    await first.app.get(IpRuleService).unblock(ATTACKER, { by: 'ada' });
    expect((await first.send({ from: ATTACKER })).status).toBe(200);
    await eventually(async () => (await second.send({ from: ATTACKER })).status === 200, {
      what: 'the pardon elsewhere',
    });
  }, 120_000);
});
