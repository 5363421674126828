import { Controller, Get, Post, UnauthorizedException } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DetectionService,
  IpTrackingStatus,
  Login,
  PrivacyService,
  RequestLogService,
  type Detector,
  type LogDetector,
} from '../../src/index.js';
import { runCli, type CliResult } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

@Controller()
class ShopController {
  @Get()
  home(): object {
    return {};
  }

  @Login()
  @Post('enter')
  enter(): never {
    throw new UnauthorizedException();
  }
}

const homeVisits: Detector = {
  name: 'home-visits',
  of: 'client',
  weight: 3,
  rules: [{ counts: { statuses: [200] }, atLeast: 2, windowMs: 600_000 }],
  words: ({ count }) => ({ reason: `${count} visits` }),
};

const everybody: LogDetector = {
  name: 'everybody',
  of: 'client',
  weight: 1,
  query: (_, { log, client }) => ({
    sql: `select distinct ${client} as subject from ${log}`,
    values: [],
  }),
  judge: (rows, { from, to }) =>
    rows.map((row) => ({
      subject: String(row['subject']),
      reason: 'was here',
      evidence: {},
      firstSeen: from,
      lastSeen: to,
    })),
};

describe.each(ADAPTERS)('what one process says and others heed, on %s', (adapter) => {
  let database: TestDatabase;
  let hosts: Host[] = [];

  const start = async (): Promise<Host> =>
    startHost({
      adapter,
      database,
      controllers: [ShopController],
      options: {
        rateLimits: false,
        detection: {
          cron: false,
          requestsPerHour: 5,
          tuning: {
            'auth-failures': { atLeast: 4 },
            'login-only': { response: 'off' },
            'sensitive-path': { response: 'off' },
            'home-visits': { weight: 7 },
          },
          detectors: [homeVisits, everybody],
        },
      },
    });
  const cli = async (...args: string[]): Promise<CliResult> =>
    runCli(args, { DATABASE_URL: database.url });

  beforeAll(async () => {
    database = await createTestDatabase();
    hosts = [await start(), await start()];
  });
  afterAll(async () => {
    for (const host of hosts) await host.close();
    await database.close();
  });

  const fail = async (host: Host, from: string, times: number): Promise<void> => {
    for (let at = 0; at < times; at += 1) await host.send({ path: '/enter', method: 'POST', from });
  };
  const counters = (host: Host): number =>
    host.app.get(IpTrackingStatus).read().watch?.counters ?? -1;
  const found = async (subject: string): Promise<string[]> => {
    for (const host of hosts) await host.app.get(RequestLogService).flush(5_000);
    return (await hosts[0]!.app.get(DetectionService).findings())
      .filter((finding) => finding.subject === subject)
      .map(({ detector }) => detector)
      .toSorted();
  };

  it.each([
    [
      'another app',
      async (ip: string) => void (await hosts[0]!.app.get(PrivacyService).eraseAddress(ip)),
    ],
    ['the command line', async (ip: string) => void (await cli('erase-ip', ip))],
  ])('whom %s has erased a watch forgets', async (_, erase) => {
    const [from, other] = ['203.0.113.10', '2001:db8:5::7'];
    const before = counters(hosts[1]!);
    await fail(hosts[1]!, other, 1);
    await eventually(() => counters(hosts[1]!) > before, { what: 'the first count' });
    const without = counters(hosts[1]!);
    await fail(hosts[1]!, from, 3);
    await eventually(() => counters(hosts[1]!) > without, { what: 'the count' });
    await erase(from);
    await eventually(() => counters(hosts[1]!) === without, { what: 'forgetting' });
    await fail(hosts[1]!, from, 1);
    expect(await found(from)).toEqual([]);
    await erase(other);
    await erase(from);
    await eventually(() => counters(hosts[1]!) === before, { what: 'forgetting' });
  });

  it('the command line scans by the detectors of the app, and says which it cannot run', async () => {
    const from = '203.0.113.20';
    // From one app to the other, so that no watch sees enough.
    for (const host of hosts) await fail(host, from, 3);
    for (const host of hosts) await host.send({ path: '/', from });
    for (const host of hosts) await host.app.get(RequestLogService).flush(5_000);
    expect(await found(from)).toEqual([]);
    const { code, stdout, stderr } = await cli('flag-suspicious');
    expect(code).toBe(0);
    expect(stderr).toBe(
      "ip-tracking: not run, because only the app can: everybody. The app's own scan runs them every hour\n",
    );
    expect(stdout).toMatch(/2 requests within 10 minutes that home-visits counts: \/$/m);
    expect(await found(from)).toEqual(['auth-failures', 'home-visits', 'request-volume']);
    const [weight] = await database.query<{ weight: number }>(
      `select weight from ip_tracking.suspicious_ip where detector = 'home-visits'`,
    );
    expect(weight).toEqual({ weight: 7 });
    const replayed = await cli('replay', '--detector', 'auth-failures', '--since', '1h');
    expect(replayed.stdout).toContain('1 would have been flagged by auth-failures');
  });

  it('the command line says where no app has said how its detectors are', async () => {
    const empty = await createTestDatabase();
    try {
      const { code, stderr } = await runCli(['flag-suspicious'], { DATABASE_URL: empty.url });
      expect([code, stderr]).toEqual([
        0,
        'ip-tracking: no app has said how its detectors are tuned: the scan was made by those that are shipped, as they are\n',
      ]);
    } finally {
      await empty.close();
    }
  });
});
