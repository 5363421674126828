import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliResult } from '../support/cli.js';
import { compiledMain } from '../support/compiled.js';
import { NodeRun } from '../support/demo-checkout.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';
import { send, type TestRequest } from '../support/http.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';

const VISITOR = '198.51.100.20';
const MISTYPIST = '198.51.100.21';
const PROBER = '203.0.113.10';
const INJECTOR = '203.0.113.11';
const SCANNER = '203.0.113.12';
const GUESSER = '203.0.113.13';
const FARM = Array.from({ length: 12 }, (_, at) => `203.0.113.${100 + at}`);

describe.each(ADAPTERS)('two processes of the demo on one database, on %s', (adapter) => {
  const folders = [temporaryFolder(`one-${adapter}`), temporaryFolder(`other-${adapter}`)];
  let database: TestDatabase;
  let demos: NodeRun[] = [];
  let urls: string[] = [];
  let sent = 0;
  let markers = 0;

  beforeAll(async () => {
    const dist = await compiledMain();
    database = await createTestDatabase({ migrated: false });
    // At once, so that both find no schema and one waits for the other.
    demos = folders.map(
      (folder) =>
        new NodeRun(join(dist, 'demo/start.js'), [], {
          env: {
            ...(process.env as Record<string, string>),
            IP_TRACKING_DEMO_DATA: folder.path,
            DATABASE_URL: database.url,
            PORT: '0',
            ADAPTER: adapter,
            // The hour may end while this runs: scans are made by command.
            DETECTION_CRON: 'off',
          },
        }),
    );
    urls = [];
    for (const demo of demos) {
      const [, url] = await demo.printed(/Ready on (http:\S+) /);
      urls.push(url!);
    }
  }, 120_000);
  afterAll(async () => {
    for (const demo of demos) await demo.kill();
    await database.close();
    for (const folder of folders) await folder.remove();
  });

  const ask = async (demo: 0 | 1, from: string, request: TestRequest): Promise<number> => {
    sent += 1;
    return (await send(urls[demo]!, { from, ...request })).status;
  };
  const guess = (demo: 0 | 1, from: string, username: string, headers = {}): Promise<number> =>
    ask(demo, from, { path: '/login', body: { username, password: 'wrong' }, headers });
  /** As a browser does: each with the headers of what it is for. */
  const browse = (demo: 0 | 1, from: string, path: string, destination: string, body?: object) =>
    ask(demo, from, {
      path,
      ...(body === undefined ? {} : { body }),
      headers: {
        'user-agent': CHROME,
        'accept-language': 'en',
        'sec-fetch-site': destination === 'document' ? 'none' : 'same-origin',
        'sec-fetch-mode':
          destination === 'document' ? 'navigate' : destination === 'empty' ? 'cors' : 'no-cors',
        'sec-fetch-dest': destination,
        ...(destination === 'document' ? {} : { referer: `${urls[demo]}/sign-in` }),
      },
    });
  /** The page of one process, its parts from the other, as behind a balancer. */
  const openPage = async (from: string): Promise<void> => {
    expect(await browse(0, from, '/sign-in', 'document')).toBe(200);
    expect(await browse(1, from, '/assets/sign-in.css', 'style')).toBe(200);
    expect(await browse(0, from, '/assets/sign-in.js', 'script')).toBe(200);
    expect(await browse(1, from, '/favicon.ico', 'image')).toBe(404);
  };

  interface Found {
    detector: string;
    kind: string;
    subject: string;
    reason: string;
    evidence: Record<string, unknown>;
  }
  const findings = () =>
    database.query<Found>(
      `select detector, subject_kind as kind, subject, reason, evidence from ip_tracking.suspicious_ip
        order by detector, subject`,
    );
  const of = (all: readonly Found[], subject: string): string[] =>
    all.filter((finding) => finding.subject === subject).map(({ detector }) => detector);
  /** What the watches have found once they have stored what they were shown last. */
  const foundByNow = async (): Promise<Found[]> => {
    markers += 2;
    const marks = [`198.51.100.${100 + markers}`, `198.51.100.${101 + markers}`];
    await ask(0, marks[0]!, { path: '/.git/config' });
    await ask(1, marks[1]!, { path: '/.git/config' });
    return eventually(
      async () => {
        const all = await findings();
        return marks.every((mark) => of(all, mark).includes('probe-path')) && all;
      },
      { what: 'the findings of both watches' },
    );
  };
  const flagSuspicious = async (): Promise<CliResult> => {
    await eventually(
      async () => {
        const [row] = await database.query<{ count: string }>(
          'select count(*) from ip_tracking.request_log',
        );
        return Number(row!.count) === sent;
      },
      { what: `${sent} rows` },
    );
    return runCli(['flag-suspicious'], { IP_TRACKING_DATABASE_URL: database.url });
  };

  it('each finds at once what one request says', async () => {
    await ask(0, PROBER, { path: '/.env' });
    await ask(1, INJECTOR, { path: '/whoami?file=../../../../etc/passwd' });
    const all = await foundByNow();
    expect(of(all, PROBER)).toEqual(['probe-path']);
    expect(of(all, INJECTOR)).toEqual(['payload']);
  });

  it('neither finds alone who goes from one to the other', async () => {
    for (let path = 0; path < 12; path += 1) {
      const demo = path % 2 === 0 ? 0 : 1;
      expect(await ask(demo, SCANNER, { path: `/nothing-${path}` })).toBe(404);
    }
    // As many as each lets a client try within a minute.
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect(await guess(attempt % 2 === 0 ? 0 : 1, GUESSER, 'root')).toBe(401);
    }
    for (const [at, from] of FARM.entries()) {
      expect(await guess(0, from, `user${at}`)).toBe(401);
      expect(await guess(1, from, `user${at}`)).toBe(401);
    }
    // The one who was found by one process goes on at the other.
    await ask(1, PROBER, { path: '/wp-login.php' });
    const all = await foundByNow();
    for (const from of [SCANNER, GUESSER, ...FARM]) expect(of(all, from)).toEqual([]);
    expect(of(all, PROBER)).toEqual(['probe-path']);
  });

  it('neither finds an ordinary browser, nor one whose user mistypes', async () => {
    await openPage(VISITOR);
    expect(await browse(1, VISITOR, '/an-old-link', 'document')).toBe(404);
    expect(await browse(0, VISITOR, '/whoami', 'empty')).toBe(200);

    await openPage(MISTYPIST);
    const signIn = (demo: 0 | 1, password: string) =>
      browse(demo, MISTYPIST, '/login', 'empty', { username: 'demo', password });
    expect(await signIn(0, 'dmeo')).toBe(401);
    expect(await signIn(1, 'Demo')).toBe(401);
    expect(await signIn(0, 'demo')).toBe(200);

    const all = await foundByNow();
    expect([of(all, VISITOR), of(all, MISTYPIST)]).toEqual([[], []]);
  });

  it('the scan finds what neither could, and nothing twice', async () => {
    const before = await findings();
    const { code, stdout, stderr } = await flagSuspicious();
    expect([code, stderr]).toEqual([0, '']);
    const after = await findings();
    expect(stdout).toContain(`${after.length - before.length} flagged, `);

    expect(of(after, SCANNER)).toEqual(['not-found']);
    // The mission's `sensitive-path` names whoever comes near a login, and may do no more than flag.
    expect(of(after, GUESSER)).toEqual(['auth-failures', 'login-only', 'sensitive-path']);
    for (const from of FARM) expect(of(after, from)).toEqual(['login-only', 'sensitive-path']);
    expect(of(after, PROBER)).toEqual(['probe-path', 'sensitive-path']);
    expect(of(after, INJECTOR)).toEqual(['payload']);
    expect(of(after, VISITOR)).toEqual([]);
    expect(of(after, MISTYPIST)).toEqual(['sensitive-path']);

    const campaign = after.filter(({ detector }) => detector === 'auth-campaign');
    expect(campaign).toMatchObject([{ kind: 'route', subject: '/login' }]);
    expect(campaign[0]!.evidence['clients']).toEqual(expect.arrayContaining(FARM));

    const byReason = (detector: string, subject: string) =>
      after.find((finding) => finding.detector === detector && finding.subject === subject)?.reason;
    expect(byReason('auth-failures', GUESSER)).toBe('10 failed attempts to sign in within an hour');
    expect(byReason('not-found', SCANNER)).toMatch(/^12 different paths within an hour/);
    expect(byReason('probe-path', PROBER)).toMatch(/^2 requests for what attackers look for/);
  });

  it('a second scan, and what both watches store after it, adds nothing', async () => {
    const before = await findings();
    expect((await flagSuspicious()).stdout).toMatch(/^0 flagged, \d+ flagged before/);
    expect((await findings()).map(({ reason }) => reason)).toEqual(
      before.map(({ reason }) => reason),
    );
    // Whoever is flagged is let in all the same: the response is to flag.
    for (const from of [PROBER, SCANNER, GUESSER, VISITOR]) {
      expect(await ask(0, from, { path: '/whoami' })).toBe(200);
    }
    // Closing stores what the watches still hold.
    for (const demo of demos) {
      demo.child.kill('SIGTERM');
      expect(await demo.ended).toBe(0);
    }
    const keys = (all: readonly Found[]) => all.map((one) => `${one.detector} ${one.subject}`);
    expect(keys(await findings())).toEqual(keys(before));
    expect(demos.map(({ stderr }) => stderr)).toEqual(['', '']);
  });
});
