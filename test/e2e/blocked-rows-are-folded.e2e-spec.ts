import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  IpRuleService,
  NdjsonFileSink,
  RequestLogService,
  type IpTrackingOptions,
} from '../../src/index.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RequestLogUpkeep } from '../../src/request-log/table/upkeep.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }
}

const [ONE, OTHER, FREE] = ['192.0.2.1', '2001:db8::1', '198.51.100.1'];

describe.each(ADAPTERS)('the rows of blocked clients on %s', (adapter) => {
  let database: TestDatabase;
  let host: Host | null = null;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await host?.close();
    host = null;
    await database.close();
  });

  async function start(requestLog: IpTrackingOptions['requestLog']): Promise<Host> {
    host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: { requestLog },
    });
    await host.app.get(IpRuleService).block(ONE);
    await host.app.get(IpRuleService).block('2001:db8::/48');
    return host;
  }

  async function storm(by: Host): Promise<void> {
    for (let time = 0; time < 50; time += 1) {
      expect((await by.send({ path: `/wp-login/${time}`, from: ONE })).status).toBe(403);
      expect((await by.send({ path: '/', from: OTHER })).status).toBe(403);
      if (time % 10 === 0) await by.send({ path: '/', from: FREE });
    }
  }

  const figures = () =>
    database.query<{ ip: string; outcome: string; rows: number; requests: number }>(
      `select ip_address::text as ip, outcome, count(*)::int as rows, sum(1 + repeats)::int as requests
         from ip_tracking.request_log group by 1, 2 order by 1`,
    );

  it('are one for each request unless a host says otherwise', async () => {
    const by = await start({});
    await storm(by);
    await by.app.get(RequestLogService).flush(5_000);
    expect(await figures()).toMatchObject([
      { ip: '192.0.2.1/32', rows: 50, requests: 50 },
      { ip: '198.51.100.1/32', rows: 5, requests: 5 },
      { ip: '2001:db8::1/128', rows: 50, requests: 50 },
    ]);
  });

  it('stand for several beyond so many a minute, and none is forgotten', async () => {
    const by = await start({ blockedPerMinute: 10, spool: { writeIntervalMs: 60_000 } });
    await storm(by);
    const log = by.app.get(RequestLogService);
    await eventually(() => log.stats.folded === 88);
    await log.flush(5_000);
    expect(await figures()).toMatchObject([
      { ip: '192.0.2.1/32', outcome: 'blocked', rows: 6, requests: 50 },
      { ip: '198.51.100.1/32', outcome: 'served', rows: 5, requests: 5 },
      { ip: '2001:db8::1/128', outcome: 'blocked', rows: 6, requests: 50 },
    ]);
    expect(log.stats).toMatchObject({ enqueued: 17, folded: 88, dropped: 0 });
    // An hour that is over, and has been for as long as late rows are waited for, counts requests, not rows.
    await database.query(
      `update ip_tracking.request_log set "timestamp" = date_trunc('hour', now()) - interval '90 minutes',
         ingested_at = now() - interval '3 minutes'`,
    );
    await by.app.get(RequestLogUpkeep).run();
    expect(
      await database.query(
        `select outcome, sum(requests)::int as requests from ip_tracking.request_rollup group by 1 order by 1`,
      ),
    ).toEqual([
      { outcome: 'blocked', requests: 100 },
      { outcome: 'served', requests: 5 },
    ]);
  });

  it('that are held when the app closes are written', async () => {
    const by = await start({ blockedPerMinute: 0, spool: { writeIntervalMs: 60_000 } });
    await storm(by);
    await by.close();
    host = null;
    expect((await figures()).map(({ rows, requests }) => [rows, requests])).toEqual([
      [1, 50],
      [5, 5],
      [1, 50],
    ]);
  });

  it('of the mode have one each: they are nobody’s in particular', async () => {
    host = await startHost({
      adapter,
      controllers: [Routes],
      database,
      options: { requestLog: { blockedPerMinute: 0 }, rules: { mode: 'allowlist' } },
    });
    for (let time = 0; time < 5; time += 1) await host.send({ path: '/', from: ONE });
    expect(await host.rows(5)).toHaveLength(5);
  });

  it('tell a sink of a host’s as well', async () => {
    const folder = temporaryFolder('folded');
    const path = join(folder.path, 'requests.ndjson');
    const by = await start({ blockedPerMinute: 0, sink: new NdjsonFileSink({ path }) });
    for (let time = 0; time < 3; time += 1) await by.send({ path: '/', from: ONE });
    await by.close();
    host = null;
    const records = readFileSync(path, 'utf8').trimEnd().split('\n');
    const repeats = records.map((line) => (JSON.parse(line) as { repeats: number }).repeats);
    expect(repeats.reduce((sum, each) => sum + 1 + each, 0)).toBe(3);
    await folder.remove();
  });
});
