import { Controller, Get, Header, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DetectionService,
  Login,
  RequestLogService,
  Sensitive,
  type Detector,
  type LogDetector,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

@Controller()
class ShopController {
  @Login()
  @Post('enter')
  enter(): never {
    throw new UnauthorizedException();
  }

  @Get('style.css')
  @Header('content-type', 'text/css')
  style(): string {
    return 'a{}';
  }

  @Sensitive()
  @HttpCode(422)
  @Post('coupons')
  coupon(): object {
    return {};
  }
}

/** Runs in the watch and in the scan. */
const couponGuessing: Detector = {
  name: 'coupon-guessing',
  of: 'client',
  weight: 30,
  rules: [{ counts: { statuses: [422], isSensitive: true }, atLeast: 3, windowMs: 600_000 }],
  words: ({ count }) => ({ reason: `${count} wrong coupons` }),
};

/** Reads the log by itself. */
const everybody: LogDetector = {
  name: 'everybody',
  of: 'route',
  weight: 1,
  query: ({ from, to }, { log, counted, client }) => ({
    sql: `select route as subject, count(distinct ${client})::integer as clients from ${log}
           where "timestamp" >= $1 and "timestamp" < $2 and ${counted} and route = '/enter' group by 1`,
    values: [from, to],
  }),
  judge: (rows, { from, to }) =>
    rows.map((row) => ({
      subject: String(row['subject']),
      reason: `${row['clients']} clients`,
      evidence: {},
      firstSeen: from,
      lastSeen: to,
    })),
};

describe.each(ADAPTERS)('two apps on one database, on %s', (adapter) => {
  let database: TestDatabase;
  let hosts: Host[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    const start = (): Promise<Host> =>
      startHost({
        adapter,
        database,
        controllers: [ShopController],
        options: {
          rateLimits: false,
          detection: { cron: false, detectors: [couponGuessing, everybody] },
        },
      });
    hosts = [await start(), await start()];
  });
  afterAll(async () => {
    for (const host of hosts) await host.close();
    await database.close();
  });

  const detection = (): DetectionService => hosts[0]!.app.get(DetectionService);
  const scan = async () => {
    for (const host of hosts) await host.app.get(RequestLogService).flush(5_000);
    return detection().scan();
  };
  const detectorsOf = async (subject: string): Promise<string[]> =>
    (await detection().findings())
      .filter((finding) => finding.subject === subject)
      .map(({ detector }) => detector)
      .toSorted();

  it('who goes from one to the other is found by the scan', async () => {
    const from = '203.0.113.10';
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await hosts[attempt % 2]!.send({ path: '/enter', method: 'POST', from });
    }
    expect(await detectorsOf(from)).toEqual([]);
    await scan();
    expect(await detectorsOf(from)).toEqual(['auth-failures', 'login-only']);
  });

  it('a campaign of many who each do little is one finding that lists them', async () => {
    const clients = Array.from({ length: 12 }, (_, at) => `203.0.113.${100 + at}`);
    for (const [at, from] of clients.entries()) {
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await hosts[at % 2]!.send({ path: '/enter', method: 'POST', from });
      }
    }
    await scan();
    const [campaign] = (await detection().findings()).filter(
      ({ detector }) => detector === 'auth-campaign',
    );
    expect(campaign).toMatchObject({ subjectKind: 'route', subject: '/enter', ipAddress: null });
    expect(campaign!.evidence['clients']).toEqual(expect.arrayContaining(clients));
  });

  it('a browser that has loaded the page, and whose user mistypes, is nobody', async () => {
    const from = '203.0.113.20';
    await hosts[0]!.send({ path: '/style.css', from });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await hosts[1]!.send({ path: '/enter', method: 'POST', from });
    }
    await scan();
    expect(await detectorsOf(from)).toEqual([]);
  });

  it("detectors of a host's own run in the watch and in the scan", async () => {
    const from = '203.0.113.30';
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await hosts[0]!.send({ path: '/coupons', method: 'POST', from });
    }
    await eventually(async () => (await detectorsOf(from)).includes('coupon-guessing'), {
      what: 'the finding of the watch',
    });
    await database.query('truncate ip_tracking.suspicious_ip');
    const { findings } = await scan();
    const reasons = findings.map(({ detector, reason }) => `${detector}: ${reason}`);
    expect(reasons).toContain('coupon-guessing: 3 wrong coupons');
    expect(reasons.filter((reason) => reason.startsWith('everybody'))).toHaveLength(1);
  });
});

describe('a detector that is none', () => {
  it.each([
    [{ name: 'Loud' }, 'detection.detectors[0].name is "Loud"'],
    [{ name: 'burst' }, 'give a name that no built-in detector has'],
    [{ rules: [] }, 'detection.detectors[0].rules'],
    [{ rules: [{ counts: { any: ['probes'] }, atLeast: 1, windowMs: 1 }] }, 'the name of a signal'],
    [{ rules: [{ counts: {}, atLeast: 1 }] }, 'detection.detectors[0].rules[0].windowMs'],
    [{ wants: {} }, 'detection.detectors[0].wants is not an option'],
  ])('is told at boot: %j', async (changes, message) => {
    const database = await createTestDatabase();
    await expect(
      startHost({
        adapter: 'express',
        database,
        options: { detection: { detectors: [{ ...couponGuessing, ...changes } as Detector] } },
      }),
    ).rejects.toThrow(message);
    await database.close();
  });

  it.each([
    [{ 'not-fond': {} }, 'Did you mean detection.tuning.not-found?'],
    [{ 'request-volume': { response: 'ban' as const } }, "give 'off' or 'flag'"],
    [{ burst: { atLeast: 0 } }, 'detection.tuning.burst.atLeast is 0'],
  ])('is told at boot where it is tuned: %j', async (tuning, message) => {
    const database = await createTestDatabase();
    await expect(
      startHost({ adapter: 'express', database, options: { detection: { tuning } } }),
    ).rejects.toThrow(message);
    await database.close();
  });
});
