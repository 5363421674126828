import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Controller, Get } from '@nestjs/common';
import { Client } from 'pg';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest';
import { IpTrackingError, RateLimit, RateLimitService, Sensitive } from '../../src/index.js';
import { LimitResetRepository } from '../../src/limits/limit-reset.repository.js';
import { UnsharedLimits } from '../../src/limits/unshared-limits.js';
import { compiledMain } from '../support/compiled.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const STRANGER = `ipt_stranger_${process.pid}`;

@Controller()
class Routes {
  @Get('sensitive')
  @Sensitive()
  sensitive() {
    return 'sensitive';
  }

  @Get('blocks')
  @RateLimit({ name: 'blocks', anonymous: 1, blockForMs: 3_600_000 })
  blocks() {
    return 'once an hour';
  }
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

async function listenersTo(database: TestDatabase): Promise<number> {
  const rows = await database.query(
    `select from pg_stat_activity
      where datname = current_database() and application_name like 'nestjs-ip-tracking listen%' and query ~* '^listen'`,
  );
  return rows.length;
}

describe.each(ADAPTERS)('limits on %s', (adapter) => {
  let main: string;
  let database: TestDatabase;
  let hosts: Host[];

  beforeAll(async () => {
    main = join(await compiledMain(), 'src/cli/main.js');
    database = await createTestDatabase();
  });
  afterAll(() => database.close());
  beforeEach(async () => {
    const options = {
      identify: (request: unknown) => (request as AnyRequest).headers['x-user'],
    };
    const start = () => startHost({ adapter, controllers: [Routes], database, options });
    hosts = [await start(), await start()];
    // Both listen: a rule that one makes is known to the other.
    await eventually(async () => (await listening()) === 2);
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.close()));
    await eventually(async () => (await listening()) === 0);
  });

  const listening = () => listenersTo(database);
  const run = (args: string[]): Promise<Result> =>
    new Promise((resolve) => {
      const env = { ...process.env, IP_TRACKING_DATABASE_URL: database.url };
      execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
  const status = async (host: Host, from: string, headers: Record<string, string> = {}) =>
    (await host.send({ path: '/sensitive', from, headers })).status;
  const exhaust = async (host: Host, from: string, headers?: Record<string, string>) => {
    while ((await status(host, from, headers)) === 200);
  };

  it('of an address are reset by the command line, in every app', async () => {
    for (const host of hosts) await exhaust(host, '198.51.100.1');
    await exhaust(hosts[0]!, '198.51.100.2');
    expect(await run(['reset-limits', '198.51.100.1'])).toEqual({
      code: 0,
      stdout: 'reset the limits of 198.51.100.1: told 2 apps\n',
      stderr: '',
    });
    for (const host of hosts) {
      await eventually(async () => (await status(host, '198.51.100.1')) === 200);
    }
    expect(await status(hosts[0]!, '198.51.100.2')).toBe(429);
  });

  it('of a user are reset by the service, at once here and soon elsewhere', async () => {
    const asAlice = { 'x-user': 'alice' };
    for (const host of hosts) await exhaust(host, '198.51.100.3', asAlice);
    const service = hosts[0]!.app.get(RateLimitService);
    expect(await service.resetLimits('user:alice')).toEqual({ hadCounted: true, processes: 2 });
    expect(await status(hosts[0]!, '198.51.100.3', asAlice)).toBe(200);
    await eventually(async () => (await status(hosts[1]!, '198.51.100.3', asAlice)) === 200);
  });

  it('of an IPv6 address are those of its network', async () => {
    await exhaust(hosts[0]!, '2001:db8::1');
    const service = hosts[0]!.app.get(RateLimitService);
    await service.resetLimits('2001:db8::ffff');
    expect(await status(hosts[0]!, '2001:db8::1')).toBe(200);
  });

  it('can be reset one by one, with the block after a breach', async () => {
    const host = hosts[0]!;
    const from = '198.51.100.5';
    const blocks = async () => (await host.send({ path: '/blocks', from })).status;
    expect([await blocks(), await blocks()]).toEqual([200, 429]);
    await exhaust(host, from);
    const service = host.app.get(RateLimitService);
    expect(await service.resetLimits(from, 'blocks')).toMatchObject({ hadCounted: true });
    expect(await blocks()).toBe(200);
    expect(await status(host, from)).toBe(429);
  });

  it.each(['alice', 'user:', '', '1.2.3.400', '10.0.0.0/8'])(
    'of %j are nobody’s: it is told with one line, and exit code 2',
    async (client) => {
      const { code, stdout, stderr } = await run(['reset-limits', client]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toBe(
        `ip-tracking: ${JSON.stringify(client)} is neither an IP address nor a user: write one such as 203.0.113.7 or user:42\n`,
      );
      await expect(hosts[0]!.app.get(RateLimitService).resetLimits(client)).rejects.toThrow(
        IpTrackingError,
      );
    },
  );

  it('are not reset by a notification alone, which any role may send', async () => {
    await exhaust(hosts[0]!, '198.51.100.6');
    for (const message of ['', '[', '{}', '1', '["198.51.100.6"]', '["198.51.100.6", null]']) {
      await database.query(`select pg_notify('ip_tracking_limit_reset', $1)`, [message]);
    }
    await run(['reset-limits', '198.51.100.7']);
    expect(await status(hosts[0]!, '198.51.100.6')).toBe(429);
    await database.query(`create role ${STRANGER} login password 'stranger'`);
    try {
      const url = new URL(database.url);
      [url.username, url.password] = [STRANGER, 'stranger'];
      const client = new Client({ connectionString: url.href });
      await client.connect();
      await expect(
        client.query(`insert into ip_tracking.limit_reset (client) values ('198.51.100.6')`),
      ).rejects.toMatchObject({ code: '42501' });
      await client.end();
    } finally {
      await database.query(`drop role ${STRANGER}`);
    }
  });

  it('are reset later where an app could not be told', async () => {
    const [asked, cut] = hosts as [Host, Host];
    await exhaust(cut, '198.51.100.8');
    // A listener that is gone for a moment hears nothing.
    await database.query(
      `alter table ip_tracking.limit_reset disable trigger limit_reset_requested`,
    );
    await asked.app.get(RateLimitService).resetLimits('198.51.100.8');
    await database.query(
      `alter table ip_tracking.limit_reset enable trigger limit_reset_requested`,
    );
    expect(await status(cut, '198.51.100.8')).toBe(429);
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name like 'nestjs-ip-tracking listen%'`,
    );
    await eventually(async () => (await status(cut, '198.51.100.8')) === 200, {
      withinMs: 10_000,
    });
  });

  it('in the memory of several processes are seen by whoever looks', async () => {
    const repository = hosts[0]!.app.get(LimitResetRepository);
    expect(await repository.countUnshared('nestjs-ip-tracking listen, own limits')).toBe(2);
    const warnings: string[] = [];
    const later: (() => void)[] = [];
    const limits = new UnsharedLimits({
      count: () => repository.countUnshared('nestjs-ip-tracking listen, own limits'),
      after: (_, call) => {
        later.push(call);
        return () => undefined;
      },
      warn: (message) => warnings.push(message),
    });
    await limits.look();
    later.pop()!();
    await eventually(() => warnings.length === 1);
    expect(warnings[0]).toMatch(/^2 processes on this database count limits in their own memory/);
  });
});

describe('the command line', () => {
  it('says so where no app listens', async () => {
    const database = await createTestDatabase();
    const main = join(await compiledMain(), 'src/cli/main.js');
    const result = await new Promise<Result>((resolve) => {
      const env = { ...process.env, IP_TRACKING_DATABASE_URL: database.url };
      const args = [main, 'reset-limits', '198.51.100.1'];
      execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      });
    });
    await database.close();
    expect(result).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'ip-tracking: no running app listens to this database, so nobody was told: is it the one that the app uses?\n',
    });
  });
});

interface AnyRequest {
  headers: Record<string, string | undefined>;
}

describe.each(ADAPTERS)('limits of apps without rules, on %s', (adapter) => {
  it('are reset all the same: nobody has to follow rules to hear of it', async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.close());
    const hosts: Host[] = [];
    for (const rules of [false, { follow: false }] as const) {
      const host = await startHost({
        adapter,
        controllers: [Routes],
        database,
        options: { rules, stateDir: false },
      });
      onTestFinished(() => host.close());
      hosts.push(host);
    }
    await eventually(async () => (await listenersTo(database)) === 2);
    const status = async (host: Host) =>
      (await host.send({ path: '/sensitive', from: '198.51.100.1' })).status;
    for (const host of hosts) while ((await status(host)) === 200);

    const service = hosts[0]!.app.get(RateLimitService);
    const reset = () => service.resetLimits('198.51.100.1');
    expect(await reset()).toEqual({ hadCounted: true, processes: 2 });
    expect(await status(hosts[0]!)).toBe(200);
    await eventually(async () => {
      // Whoever has only just begun to listen may take the first one for older than itself.
      await reset();
      return (await status(hosts[1]!)) === 200;
    });
  });
});
