import {
  Controller,
  ForbiddenException,
  Get,
  HttpCode,
  NotFoundException,
  Post,
  Req,
  UnauthorizedException,
} from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  DetectionService,
  IpRuleService,
  IpTrackingStatus,
  Login,
  PrivacyService,
  reportAuthFailure,
  reportAuthSuccess,
  RequestLogService,
  type ScoredFinding,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { createTestDatabase } from '../support/postgres.js';

@Controller()
class SiteController {
  @Get()
  home(): object {
    return { hello: true };
  }

  @Get('tasks/:id')
  task(): never {
    throw new NotFoundException('no task yet');
  }

  @Get('photos/:id')
  photo(): object {
    return {};
  }

  @Get('closed')
  closed(): never {
    throw new ForbiddenException();
  }

  @Login()
  @Post('enter')
  enter(): never {
    throw new UnauthorizedException();
  }

  /** Answers 200 to whatever is typed, as many do. */
  @HttpCode(200)
  @Post('form')
  form(@Req() request: { headers: Record<string, string | undefined> }): object {
    const { 'x-user': user, 'x-right': right } = request.headers;
    if (right === undefined) reportAuthFailure(request, user);
    else reportAuthSuccess(request, user);
    return {};
  }
}

const BROWSER = {
  'user-agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
};

describe.each(ADAPTERS)('what is found as it happens on %s', (adapter) => {
  let host: Host;
  let detection: DetectionService;
  let last = 10;

  beforeAll(async () => {
    host = await startHost({
      adapter,
      controllers: [SiteController],
      options: { detection: { cron: false }, rateLimits: false },
    });
    detection = host.app.get(DetectionService);
  });
  afterAll(() => host.close());
  let from = '';
  beforeEach(() => {
    from = `203.0.113.${last++}`;
  });

  const send = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    host.send({ path, method, from, headers: { ...BROWSER, ...headers } });
  const of = async (subject = from): Promise<ScoredFinding[]> =>
    (await detection.findings()).filter((finding) => finding.subject === subject);
  const found = async (detector: string, subject = from): Promise<ScoredFinding> => {
    let finding: ScoredFinding | undefined;
    await eventually(
      async () => {
        finding = (await of(subject)).find((one) => one.detector === detector);
        return finding !== undefined;
      },
      { what: `${detector} of ${subject}` },
    );
    return finding!;
  };
  /** Once nothing is on its way any more: another client's probe has been stored since. */
  const detectorsThatFire = async (): Promise<string[]> => {
    const marker = `198.51.100.${last++}`;
    await host.send({ path: '/.git/config', from: marker });
    await found('probe-path', marker);
    return (await of()).map(({ detector }) => detector);
  };

  it('a probe is found at the first request, with what was asked for', async () => {
    await send('/.env', { 'user-agent': 'curl/8' });
    expect(await found('probe-path')).toMatchObject({
      subjectKind: 'client',
      ipAddress: from,
      reason: '1 request for what attackers look for (secrets): /.env',
      weight: 40,
      resolvedAt: null,
      evidence: { count: 1, paths: ['/.env'], agents: ['curl/8'], methods: ['GET'] },
    });
  });

  it('a traversal in the query is found, although the query is not stored', async () => {
    await send('/photos/7?file=../../../../etc/passwd');
    expect((await found('payload')).reason).toBe('1 request with a payload (traversal): /photos/7');
  });

  it('a burst is found while it lasts', async () => {
    await Promise.all(Array.from({ length: 60 }, () => send('/')));
    expect((await found('burst')).evidence).toMatchObject({ windowMs: 10_000 });
  });

  it('a scan is found by ten different paths', async () => {
    for (let path = 0; path < 10; path += 1) await send(`/nothing-${path}`);
    expect((await found('not-found')).evidence).toMatchObject({ count: 10 });
  });

  it('brute force is found by ten failures', async () => {
    for (let attempt = 0; attempt < 10; attempt += 1) await send('/enter', {}, 'POST');
    expect((await found('auth-failures')).reason).toBe(
      '10 failed attempts to sign in within an hour',
    );
  });

  it('brute force is found where the app answers 200 to everything', async () => {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      await send('/form', { 'x-user': `user${attempt}` }, 'POST');
    }
    expect((await found('auth-failures')).evidence).toMatchObject({ count: 10 });
    const [row] = await host.database.query<{ count: string }>(
      `select count(*) from ip_tracking.suspicious_ip where subject = $1 and evidence::text like '%user%'`,
      [from],
    );
    expect(row?.count).toBe('0');
  });

  it('an ordinary visit is nothing', async () => {
    await send('/');
    for (const path of ['/favicon.ico', '/robots.txt', '/.well-known/security.txt']) {
      await send(path);
    }
    await send('/old-page', { referer: 'https://search.example/?q=old' });
    for (let photo = 0; photo < 40; photo += 1) await send(`/photos/${photo}`);
    await send('/form', { 'x-user': 'ada' }, 'POST');
    await send('/form', { 'x-user': 'ada', 'x-right': 'yes' }, 'POST');
    expect(await detectorsThatFire()).toEqual([]);
  });

  describe('complaints that people have of others', () => {
    it('apps that ask 40 paths at once are banned for crawling: what a route answers is no scanning', async () => {
      await Promise.all(Array.from({ length: 40 }, (_, photo) => send(`/photos/${photo}`)));
      expect(await detectorsThatFire()).toEqual([]);
    });

    it("the app's own 404, polled, bans its users: a matched handler's 404 is an answer", async () => {
      for (let poll = 0; poll < 30; poll += 1) await send(`/tasks/${poll}`);
      expect(await detectorsThatFire()).toEqual([]);
    });

    it('one missing path, polled, bans its users: one path counts once', async () => {
      for (let poll = 0; poll < 30; poll += 1) await send('/not/yet');
      expect(await detectorsThatFire()).toEqual([]);
    });

    it('phones ask for icons: they are left out', async () => {
      for (const size of ['57x57', '60x60', '72x72', '76x76', '114x114', '120x120', '144x144']) {
        await send(`/apple-touch-icon-${size}.png`);
        await send(`/apple-touch-icon-${size}-precomposed.png`);
      }
      expect(await detectorsThatFire()).toEqual([]);
    });

    it("broken links of the site's own ban its visitors: they come with its referer", async () => {
      for (let link = 0; link < 15; link += 1) {
        await send(`/gone/${link}`, { referer: `${host.url}/` });
      }
      expect(await detectorsThatFire()).toEqual([]);
    });

    it('links that many follow and that lead nowhere ban them: three others have asked for them too', async () => {
      const paths = Array.from({ length: 12 }, (_, at) => `/moved-${last}-${at}`);
      for (let other = 0; other < 3; other += 1) {
        for (const path of paths.slice(0, 9)) {
          await host.send({ path, from: `192.0.2.${last + other}`, headers: BROWSER });
        }
      }
      last += 3;
      for (const path of paths) await send(path);
      expect(await detectorsThatFire()).toEqual([]);
    });

    it('a page of somebody else makes its readers ask for a secret: a browser fetched it for a page', async () => {
      await send('/.env', {
        referer: 'https://evil.example/',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'no-cors',
        'sec-fetch-dest': 'image',
      });
      expect(await detectorsThatFire()).toEqual([]);
    });

    it("the ban's own 403s renew the ban: they never count", async () => {
      const rules = host.app.get(IpRuleService);
      await rules.block(from);
      await eventually(async () => (await send('/')).status === 403, { what: 'the block' });
      await send('/.env');
      await Promise.all(Array.from({ length: 80 }, () => send('/wp-login.php')));
      expect(await detectorsThatFire()).toEqual([]);
      await rules.unblock(from);
    });
  });

  it('whom an allow rule names is exempt, and counted', async () => {
    const rules = host.app.get(IpRuleService);
    const status = host.app.get(IpTrackingStatus);
    await rules.allow(from);
    await send('/.env');
    await eventually(() => (status.read().watch?.exempted['allow rule'] ?? 0) > 0, {
      what: 'the exemption',
    });
    await host.app.get(RequestLogService).flush(5_000);
    const { exempted } = await detection.scan();
    expect(exempted['allow rule']).toBeGreaterThan(0);
    expect(await of()).toEqual([]);
    await rules.disallow(from);
  });

  it('trusted proxies and the own addresses of any process are exempt, each counted with the reason', async () => {
    const watched = (why: 'trusted proxy' | 'own address') =>
      host.app.get(IpTrackingStatus).read().watch?.exempted[why] ?? 0;
    const before = watched('trusted proxy');
    await host.database.query(
      `insert into ip_tracking.protected_network (network, kind) values ($1::inet, 'own address')`,
      [from],
    );
    await send('/.env');
    // Whoever sends no header is the proxy itself.
    await host.send({ path: '/.env' });
    await eventually(() => watched('own address') > 0 && watched('trusted proxy') > before, {
      what: 'the exemptions',
    });
    await host.app.get(RequestLogService).flush(5_000);
    const { exempted } = await detection.scan();
    expect(exempted['trusted proxy']).toBeGreaterThan(0);
    expect(exempted['own address']).toBeGreaterThan(0);
    expect([await of(), await of('127.0.0.1')]).toEqual([[], []]);
  });

  it('what was settled comes back by later evidence alone', async () => {
    await send('/.env');
    await found('probe-path');
    expect(await detection.resolve(from, { by: 'ada', note: 'our own test' })).toBe(1);
    expect((await of())[0]).toMatchObject({ resolvedBy: 'ada', note: 'our own test', score: 0 });
    await host.app.get(RequestLogService).flush(5_000);
    await detection.scan();
    expect((await of())[0]?.resolvedAt).not.toBeNull();
    await send('/.git/config');
    await host.app.get(RequestLogService).flush(5_000);
    await detection.scan();
    const [again] = await of();
    expect(again).toMatchObject({ resolvedAt: null, note: 'our own test' });
    expect(again!.score).toBeCloseTo(40, 1);
  });

  it('a hint of later does not take the words of what weighs more', async () => {
    await send('/.env');
    await found('probe-path');
    await send('/old/page.php');
    await host.app.get(RequestLogService).flush(5_000);
    await detection.scan();
    expect((await of())[0]).toMatchObject({
      reason: '1 request for what attackers look for (secrets): /.env',
      weight: 40,
      evidence: { rule: 0, count: 1 },
    });
  });

  it('whoever is erased is erased from findings, evidence and what is still counted', async () => {
    for (let attempt = 0; attempt < 9; attempt += 1) await send('/enter', {}, 'POST');
    await send('/.env');
    await found('probe-path');
    await host.app.get(RequestLogService).flush(5_000);
    const erased = await host.app.get(PrivacyService).eraseAddress(from);
    expect(erased.findings).toBe(1);
    await send('/enter', {}, 'POST');
    expect(await detectorsThatFire()).toEqual([]);
  });

  it('the score of a subject is what all of its findings weigh', async () => {
    await send('/.env');
    await send('/photos/7?file=../../../../etc/passwd');
    await found('probe-path');
    const { score } = await found('payload');
    expect(score).toBeGreaterThan(79);
    expect(score).toBeLessThanOrEqual(80);
  });

  it('nothing is found of who is blocked already: a ban would renew itself', async () => {
    await host.app.get(IpRuleService).block(from);
    for (const path of ['/.env', '/.git/config', '/wp-login.php']) await send(path);
    expect(await detectorsThatFire()).toEqual([]);
  });

  it('a finding holds no more than a row would, and one path is one by whatever query', async () => {
    const discreet = await startHost({
      adapter,
      controllers: [SiteController],
      options: {
        rateLimits: false,
        detection: { cron: false },
        privacy: { address: 'hashed', key: 'k'.repeat(32), userAgent: false, query: ['page'] },
      },
    });
    for (let page = 0; page < 12; page += 1) {
      await discreet.send({ path: `/nothing?page=${page}`, from, headers: BROWSER });
    }
    await discreet.send({ path: '/.env', from, headers: BROWSER });
    const findings = await eventually(
      async () => {
        const all = await discreet.app.get(DetectionService).findings();
        return all.length > 0 && all;
      },
      { what: 'the finding' },
    );
    expect(findings.map(({ detector }) => detector)).toEqual(['probe-path']);
    expect(findings[0]!.evidence).toMatchObject({ paths: ['/.env'], agents: [] });
    expect(JSON.stringify(findings)).not.toContain(from);
    await discreet.close();
  });

  it('what has no row counts as well: of a sample nobody could be found', async () => {
    const sampled = await startHost({
      adapter,
      controllers: [SiteController],
      options: {
        rateLimits: false,
        detection: { cron: false },
        requestLog: { sampleServed: 0 },
      },
    });
    await Promise.all(Array.from({ length: 80 }, () => sampled.send({ from, headers: BROWSER })));
    const findings = await eventually(
      async () => {
        const all = await sampled.app.get(DetectionService).findings();
        return all.length > 0 && all;
      },
      { what: 'the burst' },
    );
    expect(findings.map(({ detector }) => detector)).toEqual(['burst']);
    expect(sampled.app.get(RequestLogService).stats.enqueued).toBe(0);
    await sampled.close();
  });

  it('a detector of the host that throws costs no row', async () => {
    const failing = await startHost({
      adapter,
      controllers: [SiteController],
      options: {
        rateLimits: false,
        detection: {
          cron: false,
          detectors: [
            {
              name: 'failing',
              of: 'client',
              weight: 1,
              rules: [{ counts: { statuses: [200] }, atLeast: 1, windowMs: 60_000 }],
              words: () => {
                throw new Error('a bug of the host');
              },
            },
          ],
        },
      },
    });
    expect((await failing.send({ path: '/', from })).status).toBe(200);
    expect((await failing.send({ path: '/', from })).status).toBe(200);
    expect((await failing.rows(2)).map(({ outcome }) => outcome)).toEqual(['served', 'served']);
    await failing.close();
  });

  it('what goes on is stored when the app closes', async () => {
    const database = await createTestDatabase();
    const closing = await startHost({
      adapter,
      controllers: [SiteController],
      database,
      options: { detection: { cron: false }, rateLimits: false },
    });
    const evidence = async (): Promise<number | undefined> => {
      const [row] = await database.query<{ count: number }>(
        `select (evidence->>'count')::int as count from ip_tracking.suspicious_ip`,
      );
      return row?.count;
    };
    await closing.send({ path: '/.env', from });
    await eventually(async () => (await evidence()) === 1, { what: 'the first of it' });
    // What is stored already is written again after a minute, or now.
    await closing.send({ path: '/.git/config', from });
    await closing.close();
    expect(await evidence()).toBe(2);
    await database.close();
  });
});
