import { Controller, Get, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import {
  DetectionService,
  Login,
  reportAuthFailure,
  reportAuthSuccess,
  type Detector,
  type IpTrackingOptions,
  type ScoredFinding,
} from '../../src/index.js';
import { BROWSER, bansOf, startBanningHost, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

interface SignIn {
  headers: Record<string, string | undefined>;
  user?: { id: string };
}

@Controller()
class BlogController {
  @Get()
  home(): string {
    return '<html></html>';
  }

  /** What the former site's pages were called, and they have moved here. */
  @Get('wp-content/uploads/:year/:name')
  kept(): string {
    return 'the old picture';
  }

  @Login()
  @HttpCode(200)
  @Post('login')
  login(@Req() request: SignIn): object {
    const { 'x-user': user, 'x-right': right } = request.headers;
    // Some apps know whom they have before they know whether it is them.
    if (user !== undefined) request.user = { id: user };
    if (right === undefined) {
      reportAuthFailure(request, user);
      throw new UnauthorizedException();
    }
    reportAuthSuccess(request, user);
    return {};
  }
}

/** As strict about users as a host can be. */
const GUESSED_USER: Detector = {
  name: 'guessed-user',
  of: 'user',
  weight: 40,
  response: 'ban',
  rules: [{ counts: { any: ['auth-failure'] }, atLeast: 5, windowMs: 600_000 }],
  words: ({ count }) => ({ reason: `${count} failed sign-ins of one user` }),
};

describe.each(ADAPTERS)('what users of others complain of, with bans on %s', (adapter) => {
  let host: Host;
  const start = async (options: Partial<IpTrackingOptions> = {}): Promise<void> => {
    host = await startBanningHost(
      adapter,
      { stateDir: false, ...options },
      { controllers: [BlogController] },
    );
  };
  afterEach(() => host.close());

  const ask = async (from: string, path: string, headers: Record<string, string> = {}) =>
    (await host.send({ path, from, headers: { ...BROWSER, ...headers } })).status;
  const signIn = async (from: string, user: string, isRight: boolean): Promise<number> => {
    const headers = { ...BROWSER, 'x-user': user, ...(isRight ? { 'x-right': 'yes' } : {}) };
    return (await host.send({ path: '/login', method: 'POST', from, headers })).status;
  };
  const findings = () => host.app.get(DetectionService).findings();
  const found = (detector: string, subject: string): Promise<ScoredFinding> =>
    eventually(
      async () =>
        (await findings()).find((one) => one.detector === detector && one.subject === subject),
      { what: `${detector} of ${subject}` },
    );
  const bansOfClient = async (client: string) =>
    (await bansOf(host)).filter(({ network }) => network.startsWith(client));

  it('users are locked out by name: addresses are banned, users never', async () => {
    await start({ detection: { detectors: [GUESSED_USER] } });
    for (let from = 10; from < 20; from += 1) {
      expect(await signIn(`203.0.113.${from}`, 'ada', false)).toBe(401);
    }
    await found('guessed-user', 'ada');
    expect(await bansOf(host)).toEqual([]);
    expect(await signIn('198.51.100.7', 'ada', true)).toBe(200);
    expect(await ask('198.51.100.7', '/')).toBe(200);
  });

  it('one school, office or carrier: its users mistype, each of them succeeds, and it is flagged at most', async () => {
    await start();
    const office = '203.0.113.30';
    for (let user = 0; user < 12; user += 1) {
      await signIn(office, `user${user}`, false);
      await signIn(office, `user${user}`, false);
      expect(await signIn(office, `user${user}`, true)).toBe(200);
    }
    await found('auth-failures', office);
    expect(await bansOfClient(office)).toEqual([]);
    expect(await ask(office, '/')).toBe(200);
  });

  describe('migrated sites: old links of a WordPress ban good readers', () => {
    const reader = '203.0.113.40';

    it('a link to a script of before is a hint, and bans nobody', async () => {
      await start();
      for (const path of ['/index.php', '/blog/index.php', '/feed.php']) {
        expect(await ask(reader, path, { referer: 'https://search.example/' })).toBe(404);
      }
      expect(await found('probe-path', reader)).toMatchObject({ weight: 10 });
      expect(await bansOfClient(reader)).toEqual([]);
      expect(await ask(reader, '/')).toBe(200);
    });

    it('what routes of the app answer never counts', async () => {
      await start();
      expect(await ask(reader, '/wp-content/uploads/2014/cat.jpg')).toBe(200);
      await ask('203.0.113.41', '/.env');
      await found('probe-path', '203.0.113.41');
      expect((await findings()).map(({ subject }) => subject)).toEqual(['203.0.113.41']);
    });

    it('a group can be switched off', async () => {
      await start({ signals: { probes: { groups: { wordpress: false, scripts: false } } } });
      expect(await ask(reader, '/wp-login.php')).toBe(404);
      expect(await ask(reader, '/wp-content/plugins/gallery/style.css')).toBe(404);
      await ask('203.0.113.41', '/.env');
      await found('probe-path', '203.0.113.41');
      expect((await findings()).map(({ subject }) => subject)).toEqual(['203.0.113.41']);
    });

    it('a first ban is short', async () => {
      await start();
      await ask(reader, '/wp-login.php', { 'user-agent': 'curl/8' });
      const { createdAt, expiresAt } = await storedBan(host, reader);
      const hours = (expiresAt!.getTime() - createdAt.getTime()) / 3_600_000;
      expect(hours).toBeGreaterThanOrEqual(3.1);
      expect(hours).toBeLessThanOrEqual(4.9);
    });
  });
});
