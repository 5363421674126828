import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  BanService,
  DetectionService,
  IpRuleService,
  type IpTrackingOptions,
} from '../../src/index.js';
import { auditOf, BROWSER, bansOf, startBanningHost, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

const IMAGE = {
  ...BROWSER,
  accept: 'image/avif,image/webp,image/apng,*/*;q=0.8',
  'accept-language': 'en',
};
const CURL = { 'user-agent': 'curl/8' };

describe.each(ADAPTERS)('a ban on %s', (adapter) => {
  let host: Host;
  let last = 10;
  let from = '';

  beforeAll(async () => {
    host = await startBanningHost(adapter, {
      stateDir: false,
      detection: { neverBlock: ['192.0.2.0/24'] },
    });
  });
  afterAll(() => host.close());
  beforeEach(() => {
    from = `203.0.113.${last++}`;
  });

  const ask = async (path = '/', headers: Record<string, string> = CURL, client = from) =>
    (await host.send({ path, from: client, headers })).status;
  const flagged = (detector = 'probe-path', client = from) =>
    eventually(
      async () =>
        (await host.app.get(DetectionService).findings()).some(
          (finding) => finding.subject === client && finding.detector === detector,
        ),
      { what: `${detector} of ${client}` },
    );
  const started = async (options: Partial<IpTrackingOptions>): Promise<Host> => {
    const own = await startBanningHost(adapter, { stateDir: false, ...options });
    onTestFinished(() => own.close());
    return own;
  };

  it('hits whoever the trusted proxy names, and not whom a client writes before', async () => {
    await ask('/.env', CURL, `198.51.100.9, ${from}`);
    expect(await ask('/', CURL, from)).toBe(403);
    expect(await ask('/', CURL, '198.51.100.9')).toBe(200);
  });

  it('is not got by an image on a page over plain HTTP: a finding, and a limit from the third path on', async () => {
    expect(await ask('/.env', IMAGE)).toBe(404);
    await flagged();
    await ask('/.git/config', IMAGE);
    expect(await ask('/', BROWSER)).toBe(200);
    expect(
      host.app
        .get(BanService)
        .list()
        .some(({ network }) => network.startsWith(from)),
    ).toBe(false);
    await ask('/wp-login.php', IMAGE);
    const rule = await storedBan(host, from);
    expect(rule.action).toBe('limit');
    // From the end of the transaction on, which began with `createdAt`.
    expect(rule.expiresAt!.getTime() - rule.createdAt.getTime()).toBeLessThan(3_700_000);
    expect(await ask('/', BROWSER)).toBe(200);
  });

  it('is got by an image with a second signal, which no page can make', async () => {
    await ask('/.env', { ...IMAGE, 'user-agent': `${IMAGE['user-agent']} nikto` });
    expect(await ask()).toBe(403);
  });

  it('is not got by what a browser fetched for a page', async () => {
    const fetched = {
      ...BROWSER,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
      'sec-fetch-dest': 'image',
    };
    await ask('/.env', fetched);
    await ask('/.git/config', fetched);
    await ask('/wp-login.php', fetched);
    expect((await storedBan(host, from)).action).toBe('limit');
    expect(await ask('/', fetched)).toBe(200);
  });

  it('becomes a limit where many people seem to be behind one address', async () => {
    for (const version of [1, 2, 3, 4, 5]) {
      const agent = { ...BROWSER, 'user-agent': `${BROWSER['user-agent']} v${version}` };
      await ask('/page', agent);
      await ask('/style.css', agent);
    }
    await ask('/.env');
    expect((await storedBan(host, from)).action).toBe('limit');
    expect(await auditOf(host, from)).toEqual(['ban many-agents']);
    expect(await ask()).toBe(200);
  });

  it('becomes a limit where users sign in who are known; accounts of today say nothing', async () => {
    const own = await started({});
    const office = '203.0.113.200';
    const sweatshop = '203.0.113.201';
    const signIn = (user: string, client: string) =>
      own.send({
        path: '/login',
        method: 'POST',
        from: client,
        headers: { 'x-user': user, 'x-right': 'yes' },
      });
    const noted = (count: number) =>
      eventually(
        async () =>
          (await own.database.query('select from ip_tracking.known_user')).length >= count,
        { withinMs: 20_000, what: 'the users to be noted' },
      );
    // A process that has just begun cannot tell users yet: it has to learn the key of their hashes.
    const ready = async (where: Host, user: string): Promise<void> => {
      let at = 0;
      await eventually(
        async () => {
          at += 1;
          await where.send({
            path: '/login',
            method: 'POST',
            from: `198.51.100.${at % 250}`,
            headers: { 'x-user': user, 'x-right': 'yes' },
          });
          const [row] = await own.database.query<{ users: string }>(
            'select count(distinct attempted_user) as users from ip_tracking.request_log where attempted_user is not null',
          );
          await sleep(100);
          return Number(row?.users) >= (where === own ? 1 : 6);
        },
        { withinMs: 20_000, what: 'users to be told' },
      );
    };
    await ready(own, 'y');
    for (const user of ['a', 'b', 'c', 'd']) await signIn(user, office);
    await noted(5);
    await own.database.query(
      `update ip_tracking.known_user set first_seen_at = now() - interval '2 days'`,
    );
    // Where it is not remembered it is asked for.
    const again = await startBanningHost(adapter, { stateDir: false }, { database: own.database });
    onTestFinished(() => again.close());
    await ready(again, 'x');
    const through = (path: string, client: string, headers: Record<string, string> = CURL) =>
      again.send({ path, from: client, headers });
    for (const user of ['a', 'b', 'c', 'd']) {
      await again.send({
        path: '/login',
        method: 'POST',
        from: office,
        headers: { 'x-user': user, 'x-right': 'yes' },
      });
    }
    for (const user of ['p', 'q', 'r', 's', 't']) {
      await again.send({
        path: '/login',
        method: 'POST',
        from: sweatshop,
        headers: { 'x-user': user, 'x-right': 'yes' },
      });
    }
    await noted(11);
    // Who comes later is asked for later: by then the others are remembered.
    await again.send({
      path: '/login',
      method: 'POST',
      from: '203.0.113.202',
      headers: { 'x-user': 'z', 'x-right': 'yes' },
    });
    await noted(12);
    await through('/.env', office);
    await through('/.env', sweatshop);
    expect((await storedBan(own, office)).action).toBe('limit');
    expect((await storedBan(own, sweatshop)).action).toBe('block');
    expect(await auditOf(own, office)).toEqual(['ban known-users']);
  });

  it('never hits whom an allow rule names, nor a network that is never to be', async () => {
    await host.app.get(IpRuleService).allow(from);
    await ask('/.env');
    expect(await ask()).toBe(200);
    await ask('/.env', CURL, '192.0.2.77');
    expect(await ask('/', CURL, '192.0.2.77')).toBe(200);
    await flagged('probe-path', '192.0.2.77');
    expect((await bansOf(host)).filter(({ network }) => network.startsWith('192.0.2.'))).toEqual(
      [],
    );
  });

  it('never hits the proxy', async () => {
    // Without a header the proxy is the client.
    expect((await host.send({ path: '/.env' })).status).toBe(404);
    expect((await host.send({})).status).toBe(200);
  });

  it('never hits a proxy that nobody declared, and hits a client who only pretends to be one', async () => {
    const own = await started({});
    const behind = (path: string, client: string) =>
      own.send({ path, headers: { ...CURL, 'x-forwarded-for': `${client}, 10.0.0.9` } });
    for (let time = 0; time < 30; time += 1) await behind('/', `8.8.8.${time}`);
    await behind('/.env', '8.8.8.8');
    expect((await behind('/', '8.8.4.4')).status).toBe(200);
    const pretending = { ...CURL, 'x-forwarded-for': '8.8.8.8, 198.51.100.7' };
    await own.send({ path: '/.env', headers: pretending });
    expect((await own.send({ headers: pretending })).status).toBe(403);
  });

  it('is a limit at most for who claims to be a crawler while nobody can verify it', async () => {
    const claim = { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' };
    await ask('/.env', claim);
    expect((await storedBan(host, from)).action).toBe('limit');
    expect(await ask('/', claim)).toBe(200);
  });

  it('is not got just under a threshold', async () => {
    for (let path = 0; path < 9; path += 1) await ask(`/nothing-${path}`);
    for (let time = 0; time < 9; time += 1) {
      await host.send({ path: '/login', method: 'POST', from, headers: CURL });
    }
    for (let time = 0; time < 30; time += 1) await ask('/');
    expect(await ask()).toBe(200);
    expect((await bansOf(host)).filter(({ network }) => network.startsWith(from))).toEqual([]);
  });

  it('is made or not as a function says; one that fails flags', async () => {
    const own = await started({
      detection: {
        response: ({ subject }) => {
          if (subject.startsWith('198.51.100.1')) return 'ban';
          if (subject.startsWith('198.51.100.2')) return 'limit';
          throw new Error('the host has an error');
        },
      },
    });
    for (const client of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
      await own.send({ path: '/.env', from: client, headers: CURL });
    }
    expect((await own.send({ from: '198.51.100.1' })).status).toBe(403);
    expect((await own.send({ from: '198.51.100.2' })).status).toBe(200);
    expect((await storedBan(own, '198.51.100.2')).action).toBe('limit');
    expect((await own.send({ from: '198.51.100.3' })).status).toBe(200);
    expect(await bansOf(own)).toHaveLength(2);
  });
});
