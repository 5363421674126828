import { Controller, Get, NotFoundException } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DetectionService,
  IpTrackingStatus,
  RequestLogService,
  type IpAddress,
  type IpTrackingOptions,
  type NameResolver,
  type ScoredFinding,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

@Controller()
class SiteController {
  @Get('tasks')
  task(): never {
    throw new NotFoundException();
  }
}

const GOOGLE = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
/** As a phone's, which says only late whom it claims to be. */
const GOOGLE_PHONE =
  'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';
const YANDEX = 'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)';

/** Names by address, and addresses by name. */
const NAMES: Record<string, string[]> = {
  '5.255.253.10': ['spider-10.yandex.com'],
  '5.255.253.11': ['spider-11.yandex.com'],
  '2a02:6b8::5': ['spider-v6.yandex.com'],
  '45.33.32.1': ['crawl-45-33-32-1.googlebot.com'],
  '45.33.32.2': ['crawl-1.googlebot.com.evil.example'],
  '45.33.32.3': ['spider-10.yandex.com'],
};
const ADDRESSES: Record<string, string[]> = {
  'spider-10.yandex.com': ['5.255.253.10'],
  'spider-11.yandex.com': ['5.255.253.11'],
  'spider-v6.yandex.com': ['2a02:6b8:0::5'],
  'crawl-45-33-32-1.googlebot.com': [],
};

const failure = (): Error => Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });

describe.each(ADAPTERS)('who claims to be a crawler, on %s', (adapter) => {
  let database: TestDatabase;
  let host: Host;
  let asked: string[] = [];
  /** What is done while DNS is asked. */
  let meanwhile: (() => Promise<void>) | null = null;

  const nameResolver: NameResolver = {
    reverse: async (ip: IpAddress) => {
      asked.push(ip.toString());
      await meanwhile?.();
      if (ip.toString() === '45.33.32.4') throw failure();
      return NAMES[ip.toString()] ?? [];
    },
    forward: async (name: string) => ADDRESSES[name] ?? [],
  };
  const start = async (options: Partial<IpTrackingOptions> = {}): Promise<Host> =>
    startHost({
      adapter,
      database,
      controllers: [SiteController],
      options: { rateLimits: false, detection: { cron: false, nameResolver }, ...options },
    });

  beforeAll(async () => {
    database = await createTestDatabase();
    host = await start();
    // A resolver that has known no name so far refutes nobody.
    await probe('5.255.253.11', YANDEX);
    await eventually(() => exempted() === 1, { what: 'the first answer' });
  });
  afterAll(async () => {
    await host.close();
    await database.close();
  });
  beforeEach(async () => {
    asked = [];
    meanwhile = null;
    await database.query('truncate ip_tracking.suspicious_ip, ip_tracking.request_log');
  });

  const probe = async (from: string, agent: string, to: Host = host) =>
    to.send({ path: '/.env', from, headers: { 'user-agent': agent } });
  const exempted = (): number =>
    host.app.get(IpTrackingStatus).read().watch?.exempted['verified crawler'] ?? 0;
  const findings = async (): Promise<ScoredFinding[]> => host.app.get(DetectionService).findings();
  const detectors = async (): Promise<string[]> =>
    (await findings()).map(({ detector }) => detector).toSorted();
  const found = async (...expected: string[]): Promise<void> => {
    await eventually(async () => (await detectors()).join() === expected.join(), {
      what: `finding ${expected.join()}`,
    });
  };

  it.each([
    ['by a published range, without a question', '66.249.66.1', GOOGLE, []],
    ['by its name, which leads back', '5.255.253.10', YANDEX, ['5.255.253.10']],
    ['over IPv6', '2a02:6b8::5', YANDEX, ['2a02:6b8::5']],
  ])(
    'Googlebot, Bing and others are banned: is exempt where that is verified %s',
    async (_, from, agent, questions) => {
      const before = exempted();
      expect((await probe(from, agent)).status).toBe(404);
      await eventually(() => exempted() > before, { what: 'the exemption' });
      await host.app.get(RequestLogService).flush(60_000);
      // Behind a transaction that is under way anywhere it leaves the last rows to the next one.
      await eventually(
        async () => {
          const { exempted: byScan } = await host.app.get(DetectionService).scan();
          return (byScan['verified crawler'] ?? 0) > 0;
        },
        { what: 'a scan that sees the row' },
      );
      expect(await detectors()).toEqual([]);
      // Whoever was asked about within the day is not asked about again.
      expect(asked).toEqual(questions);
    },
  );

  it('is exempt in a replay as well, where a fake is not', async () => {
    await probe('5.255.253.10', YANDEX);
    // Nobody whom another test finds, and stored before that begins: what is found again is not stored at once.
    await probe('45.33.32.9', GOOGLE);
    await host.app.get(RequestLogService).flush(60_000);
    await found('fake-crawler', 'probe-path');
    const { both } = await host.app
      .get(DetectionService)
      .replay({ detector: 'probe-path', since: new Date(Date.now() - 60_000) });
    expect(Object.fromEntries(both.map(({ subject, exemption }) => [subject, exemption]))).toEqual({
      '5.255.253.10': 'verified crawler',
      '45.33.32.9': null,
    });
  });

  it.each([
    ['leads nowhere', '45.33.32.1', GOOGLE],
    ["only begins like a crawler's", '45.33.32.2', GOOGLE_PHONE],
    ["is another address's", '45.33.32.3', YANDEX],
  ])('forged PTR: is a fake where its name %s', async (_, from, agent) => {
    await probe(from, agent);
    await found('fake-crawler', 'probe-path');
    const [one] = (await findings()).filter(({ detector }) => detector === 'probe-path');
    expect(one?.evidence['claim']).toMatchObject({ verdict: 'refuted' });
  });

  it('is flagged for what it did, and no fake, where DNS does not answer', async () => {
    await probe('45.33.32.4', GOOGLE);
    await found('probe-path');
    const [one] = await findings();
    expect(one!.evidence['claim']).toMatchObject({ crawler: 'Googlebot', verdict: 'unknown' });
    expect(one!.evidence).not.toHaveProperty('address');
  });

  it('is answered before anybody is asked, and holds up nobody else', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    meanwhile = async () => gate;
    expect((await probe('45.33.32.50', GOOGLE)).status).toBe(404);
    await eventually(() => asked.length === 1, { what: 'the question' });
    await probe('203.0.113.77', 'curl/8');
    await found('probe-path');
    release();
    await found('fake-crawler', 'probe-path', 'probe-path');
  });

  it('is asked about by the scan once nothing is locked any more', async () => {
    const locks: number[] = [];
    meanwhile = async () => {
      const [row] = await database.query<{ count: number }>(
        `select count(*)::integer as count from pg_locks
          where relation in ('ip_tracking.suspicious_ip'::regclass, 'ip_tracking.request_log'::regclass)
            and pid <> pg_backend_pid() and database = (select oid from pg_database where datname = current_database())`,
      );
      locks.push(row!.count);
    };
    await database.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us, user_agent, sensitive, signals)
       values (gen_random_uuid(), now() - interval '1 minute', '45.33.32.60', 'socket', 'GET', '/.env', 404, 'unmatched', 0, $1, true, 131073),
              (gen_random_uuid(), now() - interval '1 minute', '203.0.113.9', 'socket', 'GET', '/.env', 404, 'unmatched', 0, 'curl/8', false, 131073)`,
      [GOOGLE_PHONE],
    );
    await host.app.get(DetectionService).scan();
    expect(locks).toEqual([0]);
    expect(await detectors()).toEqual([
      'fake-crawler',
      'probe-path',
      'probe-path',
      'sensitive-path',
    ]);
  });

  it.each(['hashed', 'truncated'] as const)(
    'is not asked about where addresses are %s',
    async (address) => {
      const other = await start({ privacy: { address, key: 'k'.repeat(40) } });
      try {
        await probe('45.33.32.70', GOOGLE, other);
        await other.app.get(RequestLogService).flush(60_000);
        await other.app.get(DetectionService).scan();
        await found('probe-path');
        expect(asked).toEqual([]);
      } finally {
        await other.close();
      }
    },
  );

  it('is nobody special where nobody is to be asked', async () => {
    const other = await start({ detection: { cron: false, nameResolver, verifyCrawlers: false } });
    try {
      await probe('66.249.66.1', GOOGLE, other);
      await found('probe-path');
      expect(asked).toEqual([]);
    } finally {
      await other.close();
    }
  });
});
