import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Controller, ForbiddenException, Get, Logger, Req } from '@nestjs/common';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  AllowIps,
  IpRuleService,
  NdjsonFileSink,
  PrivacyService,
  RequestLogService,
  Sensitive,
  SkipRequestLog,
  type Enrich,
  type IpTrackingOptions,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host, type LogRow } from '../support/host-app.js';
import { stateFiles } from '../support/state.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const CLIENT = '198.51.100.1';
const BLOCKED = '203.0.113.7';

type RequestLogOptions = Exclude<IpTrackingOptions['requestLog'], false | undefined>;

@Controller()
class Routes {
  @Get()
  home(@Req() request: { tenant?: string; raw?: { tenant?: string } }) {
    request.tenant = 'acme';
    return 'ok';
  }

  @Get('health')
  health() {
    return 'ok';
  }

  @Get('health/broken')
  broken() {
    throw new Error('a bug of the host');
  }

  @Get('health/private')
  private() {
    throw new ForbiddenException();
  }

  @Get('health/mine')
  @AllowIps('192.0.2.0/24')
  mine() {
    return 'never';
  }

  @Get('health/login')
  @Sensitive()
  login() {
    return 'ok';
  }

  @Get('quiet')
  @SkipRequestLog()
  quiet() {
    return 'ok';
  }

  @Get('quiet/mine')
  @SkipRequestLog()
  @AllowIps('192.0.2.0/24')
  quietlyMine() {
    return 'never';
  }

  @Get('files/:name')
  file() {
    return 'a file';
  }
}

async function start(
  adapter: Adapter,
  requestLog: RequestLogOptions,
  more: Partial<IpTrackingOptions> = {},
): Promise<Host> {
  const host = await startHost({
    adapter,
    controllers: [Routes],
    options: { requestLog, ...more },
  });
  onTestFinished(() => host.close());
  return host;
}

const extras = (rows: LogRow[]) => rows.map(({ extra }) => extra);

/** Answers `200` where enrich does what it likes. */
async function rowWith(adapter: Adapter, enrich: Enrich): Promise<{ row: LogRow; host: Host }> {
  const host = await start(adapter, { enrich });
  expect((await host.send({ from: CLIENT })).status).toBe(200);
  const [row] = await host.rows(1);
  return { row: row!, host };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(ADAPTERS)('what a host adds to a record on %s', (adapter) => {
  it('is in the row, made of the record and the request of its handlers', async () => {
    const { row } = await rowWith(adapter, (record, request) => ({
      tenant: (request as { tenant?: string }).tenant,
      seen: [record.path, record.status, record.outcome, String(record.ipAddress)],
      id: record.id,
    }));
    expect(row.extra).toEqual({
      tenant: 'acme',
      seen: ['/', 200, 'served', CLIENT],
      id: row.id,
    });
  });

  it('is asked for once a record, and not at all where there is none', async () => {
    const asked: string[] = [];
    const host = await start(adapter, {
      enrich: ({ path }) => void asked.push(path),
      skipPaths: ['/health'],
    });
    await host.app.get(IpRuleService).block(BLOCKED);
    for (const path of ['/health', '/quiet', '/nowhere', '/']) {
      await host.send({ path, from: CLIENT });
    }
    await host.send({ path: '/blocked', from: BLOCKED });
    const rows = await host.rows(3);
    expect(asked.sort()).toEqual(['/', '/blocked', '/nowhere']);
    expect(extras(rows)).toEqual([null, null, null]);
  });

  it('cannot change the record', async () => {
    const { row } = await rowWith(adapter, (record) => {
      (record as { path: string }).path = '/forged';
      return { a: 1 };
    });
    expect(row).toMatchObject({ path: '/', extra: null, status: 200 });
  });

  it('is stored whatever characters it is made of, and can be read again', async () => {
    const host = await start(adapter, {
      enrich: () => ({
        'a\u0000\ud800': 'b\u0000\udfff',
        tabs: '\t\\t\n\\n\r\u001e\\N\\.',
        many: 12345678901234567890n,
        '{"': "'; drop table x; --",
        deep: deep(4_000),
      }),
    });
    await host.send({ from: CLIENT });
    const [row] = await host.rows(1);
    expect(row!.extra).toMatchObject({
      'a\uFFFD\uFFFD': 'b\uFFFD\uFFFD',
      tabs: '\t\\t\n\\n\r\u001e\\N\\.',
      many: '12345678901234567890',
      '{"': "'; drop table x; --",
    });
    expect(host.app.get(RequestLogService).stats).toMatchObject({ refused: 0, unenriched: 0 });
  });

  it('costs nobody anything where it fails: said once a kind, and counted', async () => {
    const said: string[] = [];
    vi.spyOn(Logger.prototype, 'warn').mockImplementation((text: string) => void said.push(text));
    const answers: (() => unknown)[] = [
      () => {
        throw new Error('a bug\u001b[31m of the host');
      },
      () => {
        throw Object.create(null);
      },
      () => Promise.reject(new Error('too late')),
      () => 'a text',
      () => ({ a: 'x'.repeat(10_000) }),
      () => ({ toJSON: () => JSON.parse('{') as unknown }),
    ];
    let turn = 0;
    const enrich: Enrich = () => answers[turn++ % answers.length]!() as Record<string, unknown>;
    const host = await start(adapter, { enrich });
    const count = 3 * answers.length;
    for (let i = 0; i < count; i += 1) {
      expect((await host.send({ from: CLIENT })).status).toBe(200);
    }
    const rows = await host.rows(count);
    vi.restoreAllMocks();
    expect(extras(rows)).toEqual(Array(count).fill(null));
    expect(host.app.get(RequestLogService).stats.unenriched).toBe(count);
    const lines = said.filter((text) => text.includes('requestLog.enrich'));
    expect(lines.map((text) => /enrich: (\w+ \w+ ?\w*)/.exec(text)?.[1])).toEqual([
      'it threw',
      'it gave a',
      'it gave something',
      'it gave more',
    ]);
    expect(lines.join('')).toContain('a bug\\u001b[31m of the host');
  });

  it('goes through the spool and the export', async () => {
    const folder = temporaryFolder('extra');
    onTestFinished(() => folder.remove());
    const host = await start(
      adapter,
      { enrich: () => ({ note: 'caf\u00e9\t1' }), spool: { writeIntervalMs: 1 } },
      { stateDir: join(folder.path, 'state') },
    );
    await host.database.query(`alter table ip_tracking.request_log rename to log_elsewhere`);
    await host.send({ from: CLIENT });
    const queue = host.app.get(RequestLogService);
    await eventually(() => queue.stats.isFailing && queue.stats.spooledBytes > 250);
    await host.database.query(`alter table ip_tracking.log_elsewhere rename to request_log`);
    const [row] = await host.rows(1);
    expect(row!.extra).toEqual({ note: 'caf\u00e9\t1' });
    for await (const found of host.app.get(PrivacyService).exportAddress(CLIENT)) {
      expect(found).toMatchObject({ kind: 'request', row: { extra: { note: 'caf\u00e9\t1' } } });
    }
  });

  it("goes into a sink's file, and into quarantine", async () => {
    const folder = temporaryFolder('extra');
    onTestFinished(() => folder.remove());
    const path = join(folder.path, 'requests.ndjson');
    const enrich: Enrich = ({ id }) => ({ id });
    const host = await start(adapter, { enrich, sink: new NdjsonFileSink({ path }) });
    await host.send({ from: CLIENT });
    await eventually(() => host.app.get(RequestLogService).stats.written === 1);
    const line = JSON.parse(await readFile(path, 'utf8')) as { id: string; extra: unknown };
    expect(line.extra).toEqual({ id: line.id });

    const stateDir = join(folder.path, 'state');
    const refusing = await start(adapter, { enrich }, { stateDir });
    await refusing.database.query(
      `alter table ip_tracking.request_log add check (extra is null) not valid`,
    );
    await refusing.send({ from: CLIENT });
    await eventually(() => refusing.app.get(RequestLogService).stats.quarantined === 1);
    const refused = JSON.parse(
      await readFile(stateFiles(stateDir, /\/spool\/refused\.ndjson$/)[0]!, 'utf8'),
    ) as {
      record: { id: string; extra: unknown };
    };
    expect(refused.record.extra).toEqual({ id: refused.record.id });
  });
});

function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

describe.each(ADAPTERS)('paths that a host leaves out on %s', (adapter) => {
  it('have no rows unless something came of a request', async () => {
    const host = await start(adapter, { skipPaths: ['/health', '/files'] });
    await host.app.get(IpRuleService).block(BLOCKED);
    const served = ['/health', '/health?deep=1', '/files/a.js'];
    for (const path of served) await host.send({ path, from: CLIENT });
    const logged: [path: string, from: string, status: number, outcome: string][] = [
      ['/health', BLOCKED, 403, 'blocked'],
      ['/health/broken', CLIENT, 500, 'failed'],
      ['/health/private', CLIENT, 403, 'refused'],
      ['/health/mine', CLIENT, 403, 'blocked'],
      ['/health/login', CLIENT, 200, 'served'],
      ['/healthy', CLIENT, 404, 'unmatched'],
      // What speaks against its client is kept, wherever it is.
      ['/health/nothing', CLIENT, 404, 'unmatched'],
      ['/files', CLIENT, 404, 'unmatched'],
      // What only looks as if it were below it.
      ['/files/..%2f..%2fhealth', CLIENT, 200, 'served'],
    ];
    for (const [path, from] of logged) await host.send({ path, from });
    const rows = await host.rows(logged.length);
    const seen = rows.map((row) => [row.path, row.ip_address, row.status, row.outcome]);
    expect(seen.sort()).toEqual(logged.sort());
    expect(host.app.get(RequestLogService).stats.enqueued).toBe(logged.length);
  });

  it('have a row for a client whom a rule watches, and those of a decorator for whom we refuse', async () => {
    const host = await start(adapter, { skipPaths: ['/health'] });
    const rules = host.app.get(IpRuleService);
    await rules.block(BLOCKED);
    await host.send({ path: '/quiet', from: CLIENT });
    await host.send({ path: '/quiet', from: BLOCKED });
    // The one is refused before its route is known, the other for what the route says.
    await host.send({ path: '/quiet/mine', from: CLIENT });
    const rows = await host.rows(2);
    expect(rows.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['/quiet', 'blocked'],
      ['/quiet/mine', 'blocked'],
    ]);
  });
});

describe.each(ADAPTERS)('a sample of what is served on %s', (adapter) => {
  it('leaves out as much as it is told, and nothing else', async () => {
    const host = await start(adapter, { sampleServed: 0.25 });
    await host.app.get(IpRuleService).block(BLOCKED);
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.24);
    for (const name of ['a', 'b', 'c']) await host.send({ path: `/files/${name}`, from: CLIENT });
    await host.rows(3);
    random.mockReturnValue(0.25);
    for (const name of ['d', 'e', 'f']) await host.send({ path: `/files/${name}`, from: CLIENT });
    await host.send({ path: '/', from: BLOCKED });
    for (const path of ['/nowhere', '/health/broken', '/health/login', '/admin']) {
      await host.send({ path, from: CLIENT });
    }
    const rows = await host.rows(8);
    expect(rows.map(({ path }) => path).sort()).toEqual([
      '/',
      '/admin',
      '/files/a',
      '/files/b',
      '/files/c',
      '/health/broken',
      '/health/login',
      '/nowhere',
    ]);
    expect(host.app.get(RequestLogService).stats.enqueued).toBe(8);
  });
});
