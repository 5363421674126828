import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiledMain } from '../support/compiled.js';
import { eventually } from '../support/eventually.js';
import { startHost, type Host } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';

@Controller()
class Routes {
  @Get()
  home() {
    return 'home';
  }
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

describe('the command line', () => {
  let host: Host;
  let main: string;

  beforeAll(async () => {
    main = join(await compiledMain(), 'src/cli/main.js');
    host = await startHost({ adapter: 'express', controllers: [Routes] });
  });
  afterAll(() => host.close());

  /** As an operator types it, in a shell that tells how each part has ended. */
  const piped = (line: string): Promise<Result> =>
    new Promise((resolve) => {
      const env = { ...process.env, IP_TRACKING_DATABASE_URL: host.database.url };
      const script = `"$0" "$1" ${line}; exit "\${PIPESTATUS[0]}"`;
      execFile('bash', ['-c', script, process.execPath, main], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });

  const run = (
    args: string[],
    url: string | null = host.database.url,
    from: NodeJS.ProcessEnv = { SSH_CONNECTION: '192.0.2.200 50122 10.0.0.1 22' },
  ): Promise<Result> =>
    new Promise((resolve) => {
      const env: NodeJS.ProcessEnv = {
        ...process.env,
        SSH_CONNECTION: undefined,
        SSH_CLIENT: undefined,
        ...from,
        ...(url === null ? {} : { IP_TRACKING_DATABASE_URL: url }),
      };
      execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  const status = async (from: string) => (await host.send({ from })).status;
  const rules = () =>
    host.database.query(
      'select action, network::text, reason, source from ip_tracking.ip_rule order by id',
    );

  it('ends quietly where whoever reads it has enough', async () => {
    await host.database.query(
      `insert into ip_tracking.request_log (id, ip_address, "timestamp", ip_source, method, path, status, outcome, duration_us)
       select gen_random_uuid(), '198.51.100.77', now(), 'socket', 'GET', '/' || repeat('x', 500), 200, 'served', 1
         from generate_series(1, 2000)`,
    );
    const all = await piped('export-ip 198.51.100.77 | wc -l');
    expect({ code: all.code, stdout: Number(all.stdout) }).toEqual({ code: 0, stdout: 2_000 });
    const first = await piped('export-ip 198.51.100.77 | head -1');
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
    expect(first.stdout.trim().split('\n')).toHaveLength(1);
    const none = await piped('list-rules | true');
    expect({ code: none.code, stderr: none.stderr }).toEqual({ code: 0, stderr: '' });
    await host.database.query(
      `delete from ip_tracking.request_log where ip_address = '198.51.100.77'`,
    );
  });

  it('blocks and unblocks, and the running app follows', async () => {
    const blocked = await run(['block-ip', '203.0.113.7', '--reason', 'a test']);
    expect(blocked).toEqual({ code: 0, stdout: 'blocked 203.0.113.7/32\n', stderr: '' });
    await eventually(async () => (await status('203.0.113.7')) === 403, { withinMs: 5_000 });
    expect(await rules()).toEqual([
      { action: 'block', network: '203.0.113.7/32', reason: 'a test', source: 'cli' },
    ]);
    const list = await run(['list-rules']);
    expect(list.stdout).toMatch(
      /^action +network +expires +source +by +reason\nblock +203\.0\.113\.7\/32 +never +cli +cli:\S+ +a test\n$/,
    );
    expect(await run(['unblock-ip', '203.0.113.7'])).toMatchObject({
      code: 0,
      stdout: 'unblocked 203.0.113.7/32\n',
    });
    await eventually(async () => (await status('203.0.113.7')) === 200, { withinMs: 5_000 });
  });

  it('does not block who types it, nor where only a proxy can seem to be a client', async () => {
    const refused = async (args: string[], from?: NodeJS.ProcessEnv) => {
      const { code, stdout, stderr } = await run(['block-ip', ...args], undefined, from);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr.trim().split('\n')).toHaveLength(1);
      return stderr;
    };
    expect(await refused(['192.0.2.128/25'])).toContain('where you come from');
    const mapped = { SSH_CLIENT: '::ffff:203.0.113.9 50122 22' };
    expect(await refused(['203.0.113.0/24'], mapped)).toContain('203.0.113.9');
    expect(await refused(['127.0.0.1'])).toContain('trusted proxy');
    expect(await refused(['127.0.0.2'])).toContain('the client IP is probably not configured');
    expect(await refused(['::1'], {})).toContain('the client IP is probably not configured');
    expect(await rules()).toEqual([]);
    expect(await run(['block-ip', '127.0.0.2', '--force'])).toMatchObject({
      code: 0,
      stdout: 'blocked 127.0.0.2/32\n',
    });
    await run(['unblock-ip', '127.0.0.2']);
  });

  it.each([
    ['none', {}],
    ['none that OpenSSH knows', { SSH_CONNECTION: 'UNKNOWN 65535 UNKNOWN 65535' }],
  ])('says that it does not know where who types it comes from: %s', async (_, from) => {
    const args = ['block-ip', '203.0.113.7'];
    const { code, stderr } = await run(args, undefined, from);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^ip-tracking: your own address is not known .+\n$/);
    expect((await run([...args, '--force'], undefined, from)).stderr).toBe('');
    expect((await run(args)).stderr).toBe('');
    await run(['unblock-ip', '203.0.113.7']);
  });

  it('warns of a block that takes much of the traffic', async () => {
    await host.database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, sensitive)
       select gen_random_uuid(), now(), '203.0.113.77', 'socket', 'GET', '/', 200, 'served', 1, false
         from generate_series(1, 100)`,
    );
    const { code, stdout, stderr } = await run(['block-ip', '203.0.113.77']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'blocked 203.0.113.77/32\n' });
    expect(stderr).toMatch(
      /^ip-tracking: 203\.0\.113\.77\/32 is blocked, and made \d+ % of the requests of the last hour: .+ the client IP is probably not configured .+\n$/,
    );
    await run(['unblock-ip', '203.0.113.77']);
  });

  it('allows over a block, and takes it back', async () => {
    await run(['block-ip', '2001:DB8::1/32']);
    await run(['allow-ip', '2001:db8:5::/48']);
    await eventually(async () => (await status('2001:db8:6::1')) === 403, { withinMs: 5_000 });
    expect(await status('2001:db8:5::1')).toBe(200);
    expect(await run(['disallow-ip', '2001:db8:5::/48'])).toMatchObject({ code: 0 });
    await eventually(async () => (await status('2001:db8:5::1')) === 403, { withinMs: 5_000 });
    await run(['unblock-ip', '2001:db8::/32']);
  });

  it('blocks for a while', async () => {
    const { stdout } = await run(['block-ip', '203.0.113.8', '--for', '2h']);
    expect(stdout).toMatch(/^blocked 203\.0\.113\.8\/32 until \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\n$/);
    const [row] = await host.database.query<{ hours: number }>(
      `select round(extract(epoch from expires_at - now()) / 3600)::int as hours from ip_tracking.ip_rule where network = '203.0.113.8'`,
    );
    expect(row?.hours).toBe(2);
    await run(['unblock-ip', '203.0.113.8']);
  });

  it.each([
    ['block-ip', '1.2.3.400'],
    ['block-ip', '010.0.0.1'],
    ['block-ip', '1.2.3.4/33'],
    ['block-ip', 'example.com'],
    ['block-ip', ''],
    ['allow-ip', '1.2.3'],
    ['block-ip', '1.2.3.4', '--for', 'tomorrow'],
    ['block-ip', '1.2.3.4', '--for', '-2h'],
    ['block-ip', '1.2.3.4', '--because', 'x'],
    ['block-ip'],
    ['block-ip', '1.2.3.4', '5.6.7.8'],
    ['unblock-ip', 'fe80::1%eth0'],
    ['blok-ip', '1.2.3.4'],
  ])('refuses %s %s %s %s with one line and exit code 2, and changes nothing', async (...args) => {
    const before = await rules();
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^ip-tracking: .+\n$/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    const named = args.length === 2 && args[0] !== 'blok-ip' ? args[1] : args[0].slice(0, 0);
    expect(stderr).toContain(named);
    expect(await rules()).toEqual(before);
  });

  it('never obeys an escape sequence that it prints', async () => {
    const { stderr } = await run(['block-ip', '\u001b[31mred\u001b[0m']);
    expect(stderr).not.toContain('\u001b');
    await host.database.query(
      `insert into ip_tracking.ip_rule (action, network, reason) values ('block', '198.51.100.1', $1)`,
      ['\u001b]0;gotcha\u0007 \u202e txt'],
    );
    const { stdout } = await run(['list-rules']);
    expect(stdout).toContain('\\u{1b}]0;gotcha\\u{7}');
    expect(['\u001b', '\u0007', '\u202e'].filter((hostile) => stdout.includes(hostile))).toEqual(
      [],
    );
    await run(['unblock-ip', '198.51.100.1']);
  });

  it('says what is missing when there is nothing to remove, and which rule covers it', async () => {
    await run(['block-ip', '198.51.100.0/24']);
    const { code, stderr } = await run(['unblock-ip', '198.51.100.9']);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'ip-tracking: there is no block rule for 198.51.100.9/32; 198.51.100.0/24 covers it, and is removed by that name\n',
    );
    await run(['unblock-ip', '198.51.100.0/24']);
  });

  it('scans now, and lists what was flagged', async () => {
    expect((await run(['suspicious'])).stdout).toBe('Nobody is flagged.\n');
    await host.database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, sensitive)
       values (gen_random_uuid(), now(), '198.51.100.9', 'socket', 'GET', '/admin', 404, 'unmatched', 1, true)`,
    );
    const first = await run(['flag-suspicious']);
    expect(first.stdout).toMatch(
      /198\.51\.100\.9 +sensitive-path .*1 request to sensitive paths: \/admin/,
    );
    expect(first.stdout).toMatch(/1 flagged, 0 flagged before and seen again\.\n$/);
    expect((await run(['flag-suspicious'])).stdout).toBe(
      '0 flagged, 1 flagged before and seen again.\n',
    );
    expect((await run(['suspicious'])).stdout).toContain('198.51.100.9');
  });

  it('shows its help without a database', async () => {
    for (const args of [['--help'], ['block-ip', '--help'], []]) {
      const { code, stdout } = await run(args, null);
      expect({ code, hasUsage: stdout.includes('Usage: ip-tracking') }).toEqual({
        code: 0,
        hasUsage: true,
      });
    }
  });

  it('says which release it is without a database', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    for (const flag of ['--version', '-V']) {
      expect(await run([flag], null)).toMatchObject({ code: 0, stdout: `${version}\n` });
    }
  });

  it('says in one line that no database is named, or that it is down', async () => {
    const unnamed = await run(['list-rules'], null);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toMatch(
      /^ip-tracking: no database is named: set IP_TRACKING_DATABASE_URL .+\n$/,
    );
    const down = await run(['list-rules'], 'postgres://user:hunter2@127.0.0.1:1/none');
    expect(down.code).toBe(1);
    expect(down.stderr).toMatch(
      /^ip-tracking: PostgreSQL cannot be used: nothing listens there.*\(ECONNREFUSED\)\n$/,
    );
    expect(down.stderr).not.toContain('hunter2');
  });

  it('migrates an empty database, and says so when there is nothing to do', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const missing = await run(['list-rules'], empty.url);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toMatch(/run "ip-tracking migrate".*\n$/);
    expect((await run(['migrate'], empty.url)).stdout).toMatch(
      /^Applied InitialSchema\d+, .+\.\n$/,
    );
    expect((await run(['migrate'], empty.url)).stdout).toBe('The schema is up to date.\n');
    expect((await run(['list-rules'], empty.url)).stdout).toBe('There are no rules.\n');
    await empty.close();
  });
});
