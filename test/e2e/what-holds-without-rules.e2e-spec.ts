import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { IpRuleService, SkipIpRules, type IpTrackingOptions } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { keptPort } from '../support/kept-port.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { damageRules, stateFiles } from '../support/state.js';
import { switchProxy, type SwitchProxy } from '../support/switch-proxy.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

const BLOCKED = '192.0.2.1';
const OTHER = '198.51.100.1';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }

  @Get('health')
  @SkipIpRules()
  health() {
    return 'well';
  }
}

describe.each(ADAPTERS)('without the database, on %s', (adapter) => {
  let folder: TemporaryFolder;
  let stateDir: string;
  let database: TestDatabase;
  let port: number;
  let proxy: SwitchProxy;
  let said: string[];
  const hosts: Host[] = [];

  beforeEach(async () => {
    folder = temporaryFolder('rules');
    stateDir = join(folder.path, 'state');
    database = await createTestDatabase();
    port = await keptPort();
    proxy = await switchProxy(port);
    said = [];
  });
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.close();
    await proxy.stop();
    await database.close();
    await folder.remove();
  });

  const serverPort = () => Number(new URL(inject('postgresUrl')).port);

  async function start(rules: IpTrackingOptions['rules'] = {}): Promise<Host> {
    const url = new URL(database.url);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    const host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      configure: (app) => {
        const say = (message: unknown) => void said.push(String(message));
        app.useLogger({ log: say, warn: say, error: say });
      },
      options: {
        database: { url: url.href },
        stateDir,
        rules: { startTimeoutMs: 400, pollIntervalMs: 100, ...rules },
        requestLog: { shutdownTimeoutMs: 50 },
      },
    });
    hosts.push(host);
    return host;
  }

  async function stop(host: Host): Promise<void> {
    hosts.splice(hosts.indexOf(host), 1);
    await host.close();
  }

  /** An app has run, has blocked an address, and is gone; so is the database. */
  async function onceBlocked(): Promise<void> {
    proxy.lead(serverPort());
    const host = await start();
    await host.app.get(IpRuleService).block(BLOCKED);
    await stop(host);
    proxy.lead(null);
    said = [];
  }

  const aboutRules = () =>
    said.filter((line) => line.startsWith('the rules')).map((line) => line.split(': ')[0]);

  it('the rules on disk hold, and that is what is said', async () => {
    await onceBlocked();
    const host = await start();
    expect((await host.send({ from: BLOCKED })).status).toBe(403);
    expect((await host.send({ from: OTHER })).status).toBe(200);
    expect(aboutRules()).toEqual([
      expect.stringMatching(
        /^the rules cannot be read, so the 1 that were kept on disk at 20\S+Z hold$/,
      ),
    ]);
    proxy.lead(serverPort());
    await eventually(() => aboutRules().includes('the rules can be read again'));
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['damaged', () => damageRules(stateDir), /\(rules-\S+\.txt is of another format\)/],
    [
      'empty',
      () => {
        for (const path of stateFiles(stateDir, /\/rules-.*\.txt$/)) truncateSync(path, 0);
      },
      /\(rules-\S+\.txt is not whole\)/,
    ],
    [
      'missing',
      () => {
        stateDir = join(folder.path, 'another');
      },
      /\(none were ever kept on disk\)/,
    ],
  ])('a file that is %s lets everybody in, and that is what is said', async (_, harm, why) => {
    await onceBlocked();
    harm(stateDir);
    const host = await start();
    expect((await host.send({ from: BLOCKED })).status).toBe(200);
    const [line, ...others] = aboutRules();
    expect(others).toEqual([]);
    expect(line).toMatch(/^the rules cannot be read, so none are known/);
    expect(line).toMatch(/, and no rule refuses anybody \(rules.withoutRules is 'open'\)$/);
    expect(line).toMatch(why);
  });

  it('nobody is let in where the host says so, until the rules are known', async () => {
    const host = await start({ withoutRules: 'closed' });
    expect((await host.send({ from: OTHER })).status).toBe(403);
    expect((await host.send({ path: '/nowhere', from: OTHER })).status).toBe(403);
    expect((await host.send({ path: '/health', from: OTHER })).status).toBe(200);
    expect(aboutRules()).toEqual([
      "the rules cannot be read, so none are known (none were ever kept on disk), and every client is refused (rules.withoutRules is 'closed')",
    ]);
    proxy.lead(serverPort());
    await eventually(async () => (await host.send({ from: OTHER })).status === 200, {
      withinMs: 10_000,
    });
    const rows = await eventually(async () => {
      const found = await database.query<{ path: string; outcome: string; reason: string | null }>(
        `select path, outcome, reason from ip_tracking.request_log where path <> '/' order by path`,
      );
      return found.length === 2 && found;
    });
    expect(rows).toEqual([
      { path: '/health', outcome: 'served', reason: null },
      { path: '/nowhere', outcome: 'blocked', reason: 'no-rules' },
    ]);
  });

  it('an allowlist is closed while nobody knows it, and open where the host says so', async () => {
    const closed = await start({ mode: 'allowlist' });
    expect((await closed.send({ from: OTHER })).status).toBe(403);
    const open = await start({ mode: 'allowlist', withoutRules: 'open' });
    expect((await open.send({ from: OTHER })).status).toBe(200);
  });

  it('the load before the last holds where the last is damaged', async () => {
    await onceBlocked();
    proxy.lead(serverPort());
    await stop(await start());
    proxy.lead(null);
    const loads = stateFiles(stateDir, /\/rules-[^/]+\.txt$/);
    expect(loads).toHaveLength(2);
    truncateSync(
      loads.find((path) => path.includes('/rules-1-'))!,
      30,
    );
    said = [];
    const host = await start();
    expect((await host.send({ from: BLOCKED })).status).toBe(403);
    expect(aboutRules()).toEqual([
      expect.stringMatching(/kept on disk at \S+Z hold \(rules-1-\w+\.txt is not whole\)$/),
    ]);
  });

  it('a first load that is merely slow is said once, with what holds meanwhile', async () => {
    await onceBlocked();
    proxy.lead(serverPort());
    const someone = new Client({ connectionString: database.url });
    await someone.connect();
    await someone.query('begin; lock table ip_tracking.ip_rule in access exclusive mode');
    const host = await start();
    expect((await host.send({ from: BLOCKED })).status).toBe(403);
    expect(aboutRules()).toEqual([
      expect.stringMatching(
        /^the rules are not loaded after 400 ms \(rules.startTimeoutMs\), so until they are, the 1 that were kept on disk at \S+Z hold$/,
      ),
    ]);
    await someone.end();
    await eventually(() => aboutRules().length > 1, { withinMs: 10_000 });
    expect(aboutRules().slice(1)).toEqual(['the rules are loaded']);
  });
});
