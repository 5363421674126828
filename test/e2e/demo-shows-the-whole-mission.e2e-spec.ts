import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../demo/postgres/free-port.js';
import { compiledMain } from '../support/compiled.js';
import { NodeRun } from '../support/demo-checkout.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';
import { send } from '../support/http.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const checkout = fileURLToPath(new URL('../..', pathToFileURL(__filename)));
const LOG = join(checkout, 'test/fixtures/apache-combined-10k.log.gz');

describe.each(ADAPTERS)('the demo on %s', (adapter) => {
  const data = temporaryFolder(`demo-${adapter}`);
  let database: TestDatabase;
  let demo: NodeRun;
  let url: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    const dist = await compiledMain();
    database = await createTestDatabase({ migrated: false });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    env = {
      ...(process.env as Record<string, string>),
      IP_TRACKING_DEMO_DATA: data.path,
      DATABASE_URL: database.url,
      PORT: String(port),
      ADAPTER: adapter,
    };
    demo = new NodeRun(join(dist, 'demo/start.js'), [], { env });
    await eventually(() => demo.stdout.includes('Ctrl-C stops'), { withinMs: 15_000 });
  });
  afterAll(async () => {
    demo.child.kill('SIGKILL');
    await demo.ended;
    await database.close();
    await data.remove();
  });

  /** As in a second shell: nothing but the checkout says where the demo is. */
  const script = (name: string, ...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const { DATABASE_URL: _, PORT: __, ...second } = env;
      execFile(
        process.execPath,
        [join(checkout, 'scripts', name), ...args],
        { env: second },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
    });
  const count = async () => {
    const [row] = await database.query<{ count: string }>(
      'select count(*) from ip_tracking.request_log',
    );
    return Number(row!.count);
  };

  it('prints lines to try, each of which works', async () => {
    const lines = demo.stdout.split('\n').filter((line) => line.startsWith('curl '));
    expect(lines.length).toBeGreaterThanOrEqual(3);
    for (const line of lines) {
      const { code, stdout } = await new Promise<{ code: number; stdout: string }>((resolve) =>
        execFile('bash', ['-c', line], (error, out) =>
          resolve({ code: error === null ? 0 : 1, stdout: out }),
        ),
      );
      expect(code).toBe(0);
      expect(stdout).toMatch(/^HTTP\/1\.1 (200|401|403) /);
    }
  });

  it('knows its clients, its users and its limits', async () => {
    const whoami = await send(url, { path: '/whoami', from: '66.249.73.135' });
    expect(whoami.json()).toMatchObject({
      ipAddress: '66.249.73.135',
      place: { country: 'US' },
      decision: 'allow',
    });
    const login = (password: string, from: string) =>
      send(url, { path: '/login', from, body: { username: 'demo', password } });
    const { token } = (await login('demo', '198.51.100.1')).json<{ token: string }>();
    const account = () =>
      send(url, {
        path: '/account',
        from: '198.51.100.2',
        headers: { authorization: `Bearer ${token}` },
      });
    const seen: number[] = [];
    for (let i = 0; i < 11; i += 1) seen.push((await account()).status);
    expect(seen).toEqual([...Array<number>(10).fill(200), 429]);
    const guesses: number[] = [];
    for (let i = 0; i < 6; i += 1) guesses.push((await login('wrong', '198.51.100.3')).status);
    expect(guesses).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await send(url, { path: '/admin' })).status).toBe(200);
    expect((await send(url, { path: '/admin', from: '198.51.100.4' })).status).toBe(403);
  });

  it('blocks and unblocks from a second shell, with no configuration', async () => {
    const from = '203.0.113.7';
    expect(await script('ip-tracking.mjs', 'block-ip', from, '--reason', 'test')).toMatchObject({
      code: 0,
      stdout: 'blocked 203.0.113.7/32\n',
    });
    await eventually(async () => (await send(url, { from })).status === 403, { withinMs: 1_000 });
    expect((await send(url, { path: '/health', from })).status).toBe(200);
    expect(await script('ip-tracking.mjs', 'unblock-ip', from)).toMatchObject({ code: 0 });
    await eventually(async () => (await send(url, { from })).status === 200, { withinMs: 1_000 });
  });

  it('takes the log of a real site, and flags whom it should', async () => {
    // Rows come in order: once this one is there, all before it are.
    await send(url, { path: '/sentinel' });
    await eventually(async () => {
      const [row] = await database.query(
        `select 1 from ip_tracking.request_log where path = '/sentinel'`,
      );
      return row;
    });
    await database.query('truncate ip_tracking.request_log, ip_tracking.suspicious_ip');
    const replay = await script('replay.mjs', LOG);
    expect(replay).toMatchObject({ code: 0 });
    expect(replay.stdout).toMatch(/10,000 lines in .+ s, 10,000 answers/);
    await eventually(async () => (await count()) === 10_000, { withinMs: 10_000 });

    const [facts] = await database.query<Record<string, number>>(
      `select count(distinct ip_address)::int as addresses,
              (100.0 * count(country) / count(*))::int as placed,
              (count(*) filter (where ip_address = '66.249.73.135'))::int as busiest
         from ip_tracking.request_log`,
    );
    expect(facts).toMatchObject({ addresses: 1_753, busiest: 482 });
    expect(facts!['placed']).toBeGreaterThanOrEqual(95);

    const scan = await script('ip-tracking.mjs', 'flag-suspicious');
    // The mission's two detectors read the log; the others have found theirs as it was replayed.
    expect(scan.stdout).toMatch(/24 flagged, \d+ flagged before and seen again\.\n$/);
    const found = await database.query<{ detector: string; addresses: string[] }>(
      `select detector, array_agg(host(ip_address) order by (evidence->>'requests')::int desc, ip_address) as addresses
         from ip_tracking.suspicious_ip group by detector order by detector`,
    );
    const counts = new Map(found.map(({ detector, addresses }) => [detector, addresses]));
    expect(counts.get('request-volume')).toHaveLength(6);
    expect(counts.get('sensitive-path')).toHaveLength(18);
    expect(counts.get('request-volume')![0]).toBe('66.249.73.135');
    const [wrong] = await database.query<{ count: string }>(
      `select count(*) from ip_tracking.request_log
        where sensitive and (path ilike '/administrator%' or path ilike '/blog/wp-admin%')`,
    );
    expect(wrong!.count).toBe('0');
    expect((await script('ip-tracking.mjs', 'flag-suspicious')).stdout).toMatch(
      /^0 flagged, \d+ flagged before and seen again\.\n$/,
    );
  });

  it('loses nothing when it is stopped', async () => {
    const before = await count();
    await Promise.all(Array.from({ length: 50 }, () => send(url, { path: '/last' })));
    demo.child.kill('SIGINT');
    expect(await demo.ended).toBe(0);
    expect(await count()).toBe(before + 50);
    expect(demo.stderr).toBe('');
  });
});
