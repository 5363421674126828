import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BanService, DetectionService } from '../../src/index.js';
import { BROWSER, startBanningHost } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';
import type { TestRequest } from '../support/http.js';
import { SetClock } from '../support/set-clock.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** What a test may take, and what a request may, without a window being missed. */
const SLACK_MS = 20 * SECOND_MS;

/** What a browser sends with what it fetches for a page. */
const FOR_A_PAGE = {
  ...BROWSER,
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': 'no-cors',
  'sec-fetch-dest': 'image',
};
const SECRETS = ['/.env', '/.git/config', '/.aws/credentials'];
const INJECTIONS = ["/?q=1'+or+'1'='1", '/?q=<script>alert(1)</script>'].map((path) =>
  path.replaceAll(/[<>']/g, (char) => `%${char.charCodeAt(0).toString(16)}`),
);

type Made = 'nothing' | 'flag' | 'limit' | 'ban';

interface Threshold {
  readonly detector: string;
  readonly what: string;
  readonly atLeast: number;
  readonly windowMs: number;
  /** What one request fewer makes. */
  readonly before: Made;
  readonly after: Made;
  /** Nothing is decided before so many milliseconds are over. @default 0 */
  readonly patienceMs?: number;
  /** What the same requests are for another detector. */
  readonly beside?: string;
  /** The request of a number; `of` tells the rows and clients apart. */
  readonly request: (at: number, of: string) => TestRequest;
}

/** Every rule of every detector that the watch runs. */
const THRESHOLDS: Threshold[] = [
  {
    detector: 'probe-path',
    what: 'secrets',
    atLeast: 1,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'ban',
    request: () => ({ path: '/.env' }),
  },
  {
    detector: 'probe-path',
    what: 'one script of another stack',
    atLeast: 1,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'flag',
    request: () => ({ path: '/old.php' }),
  },
  {
    detector: 'probe-path',
    what: 'different scripts within a minute',
    atLeast: 10,
    windowMs: MINUTE_MS,
    before: 'flag',
    after: 'ban',
    beside: 'not-found',
    request: (at) => ({ path: `/old-${at}.php` }),
  },
  {
    detector: 'probe-path',
    what: 'different paths that a page may have asked for',
    atLeast: 3,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'limit',
    request: (at) => ({ path: SECRETS[at]!, headers: FOR_A_PAGE }),
  },
  {
    detector: 'payload',
    what: 'what nobody types by mistake',
    atLeast: 1,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'ban',
    request: () => ({ path: '/?file=../../../../etc/passwd' }),
  },
  {
    detector: 'payload',
    what: 'prototypes and requests for others',
    atLeast: 2,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'ban',
    request: (at) => ({ path: at % 2 === 0 ? '/?__proto__.a=b' : '/?u=http://169.254.169.254/' }),
  },
  {
    detector: 'payload',
    what: 'what searches have by chance',
    atLeast: 3,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'ban',
    request: (at) => ({ path: INJECTIONS[at % 2]! }),
  },
  {
    detector: 'payload',
    what: 'what a page may have asked for',
    atLeast: 5,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'limit',
    request: (at) => ({ path: `/page-${at}?file=../../../../etc/passwd`, headers: FOR_A_PAGE }),
  },
  {
    detector: 'not-found',
    what: 'different paths within an hour',
    atLeast: 10,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'flag',
    request: (at, of) => ({ path: `/slow-${of}-${at}` }),
  },
  {
    detector: 'not-found',
    what: 'different paths within ten minutes',
    atLeast: 20,
    windowMs: 10 * MINUTE_MS,
    before: 'flag',
    after: 'ban',
    request: (at, of) => ({ path: `/fast-${of}-${at}` }),
  },
  {
    detector: 'auth-failures',
    what: 'within an hour',
    atLeast: 10,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'flag',
    request: () => ({ path: '/login', method: 'POST' }),
  },
  {
    detector: 'auth-failures',
    what: 'that nobody takes back',
    atLeast: 20,
    windowMs: HOUR_MS,
    before: 'flag',
    after: 'ban',
    patienceMs: 15 * MINUTE_MS,
    request: () => ({ path: '/login', method: 'POST' }),
  },
  {
    detector: 'open-proxy',
    what: 'a whole URL of another host',
    atLeast: 1,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'ban',
    request: () => ({ path: 'http://other.example/' }),
  },
  {
    detector: 'malformed',
    what: 'within an hour',
    atLeast: 5,
    windowMs: HOUR_MS,
    before: 'nothing',
    after: 'flag',
    request: (at) => ({ path: `/page%00${at}` }),
  },
];

describe.each(ADAPTERS)('just under each threshold on %s', (adapter) => {
  const clock = new SetClock();
  let host: Host;
  let last = 0;

  beforeAll(async () => {
    host = await startBanningHost(adapter, { stateDir: false }, { module: clock.module });
  });
  afterAll(() => host.close());

  const newClient = (): string => `203.0.113.${(last += 1)}`;
  const findingsOf = async (client: string) =>
    (await host.app.get(DetectionService).findings()).filter(({ subject }) => subject === client);
  /** Waits until all that was found before is stored: another client's finding is, which came after. */
  const settled = async (): Promise<void> => {
    const marker = newClient();
    await host.send({ path: '/marker.php', from: marker, headers: { 'user-agent': 'curl/8' } });
    await eventually(async () => (await findingsOf(marker)).length === 1, { what: 'the marker' });
  };
  /** What was made of a client, by one detector alone. */
  const madeOf = async (client: string, detector: string, beside = ''): Promise<string> => {
    const ban = host.app
      .get(BanService)
      .list()
      .find(({ network }) => network === `${client}/32`);
    const others = (await findingsOf(client)).filter(
      (finding) => ![detector, beside].includes(finding.detector),
    );
    if (others.length > 0) return others.map(({ reason }) => reason).join();
    if (ban !== undefined) return ban.action;
    return (await findingsOf(client)).length === 0 ? 'nothing' : 'flag';
  };
  const sendTo = async ({ request }: Threshold, client: string, at: number): Promise<number> => {
    const { headers, ...rest } = request(at, client);
    const agent = { 'user-agent': 'curl/8' };
    const { status } = await host.send({
      ...rest,
      from: client,
      headers: { ...agent, ...headers },
    });
    return status;
  };
  /** Lets time pass, beside what has passed. */
  const passTo = (ms: number): void => {
    clock.wrongByMs += Math.max(0, ms - clock.now());
  };

  it.each(THRESHOLDS)(
    '$detector ($what) makes nothing more of one request fewer than $atLeast, and $after of the last',
    async (threshold) => {
      const { detector, atLeast, windowMs, before, after, patienceMs = 0, beside } = threshold;
      const [slow, fast] = [newClient(), newClient()];
      const beganMs = clock.now();
      for (let at = 0; at < atLeast - 1; at += 1) {
        await sendTo(threshold, slow, at);
        await sendTo(threshold, fast, at);
      }
      passTo(clock.now() + patienceMs + (patienceMs > 0 ? SLACK_MS : 0));
      await settled();
      expect(await madeOf(slow, detector, beside)).toBe(before);
      expect(await madeOf(fast, detector, beside)).toBe(before);
      expect(await sendTo({ ...threshold, request: () => ({ path: '/' }) }, fast, 0)).toBe(200);

      // The last moment at which the first request still counts.
      passTo(beganMs + windowMs - SLACK_MS);
      await sendTo(threshold, fast, atLeast - 1);
      await settled();
      // Where there is patience it is not over yet.
      expect(await madeOf(fast, detector, beside)).toBe(patienceMs > 0 ? before : after);
      const endedMs = clock.now();
      if (atLeast > 1) {
        // The first at which none of those before does.
        passTo(endedMs + 2 * SLACK_MS);
        await sendTo(threshold, slow, atLeast - 1);
      }
      if (patienceMs > 0) passTo(clock.now() + patienceMs + SLACK_MS);
      await settled();
      expect(await madeOf(fast, detector, beside)).toBe(after);
      const isBanned = after === 'ban';
      expect((await host.send({ from: fast })).status).toBe(isBanned ? 403 : 200);
      expect(await madeOf(slow, detector, beside)).toBe(before);
      expect((await host.send({ from: slow })).status).toBe(200);
    },
  );

  it('burst makes nothing of 59 requests within ten seconds, and a ban of the 60th', async () => {
    const request = { path: '/', headers: { 'user-agent': 'curl/8' } };
    const send = (from: string) => host.send({ ...request, from });
    // A machine that is busy may take longer than the ten seconds: then another client tries.
    await eventually(
      async () => {
        const [slow, fast] = [newClient(), newClient()];
        const beganMs = clock.now();
        await Promise.all(Array.from({ length: 59 }, () => send(slow)));
        await Promise.all(Array.from({ length: 59 }, () => send(fast)));
        expect(
          host.app
            .get(BanService)
            .list()
            .map(({ network }) => network),
        ).not.toContain(`${fast}/32`);
        await send(fast);
        if (clock.now() - beganMs > 9 * SECOND_MS) return false;
        clock.wrongByMs += 11 * SECOND_MS;
        await send(slow);
        await settled();
        expect(await madeOf(fast, 'burst')).toBe('ban');
        expect((await send(fast)).status).toBe(403);
        expect(await madeOf(slow, 'burst')).toBe('nothing');
        expect((await send(slow)).status).toBe(200);
        return true;
      },
      { withinMs: 120_000, what: '60 requests within ten seconds' },
    );
  });
});
