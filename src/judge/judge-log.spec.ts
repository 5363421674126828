import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { combinedLine, LOG_START_MS, type LoggedRequest } from '../../test/support/log-lines.js';
import type { NameResolver } from '../detection/crawlers/crawler-check.js';
import { AccessLogs } from './access-log/access-logs.js';
import { judgeLog, type JudgeOptions } from './judge-log.js';
import { judgementJson, type Judgement } from './judgement.js';

async function judged(
  logs: readonly (readonly LoggedRequest[])[],
  options: Partial<JudgeOptions> = {},
): Promise<Judgement> {
  const folder = mkdtempSync(join(tmpdir(), 'judge-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const paths = logs.map((requests, i) => {
    const path = join(folder, `access.log.${i}`);
    writeFileSync(path, `${requests.map((request) => combinedLine(request)).join('\n')}\n`);
    return path;
  });
  const opened = await AccessLogs.open(paths);
  onTestFinished(() => opened.close());
  return judgeLog(opened, { mode: 'ban', ...options });
}

const READER: LoggedRequest = { ip: '192.0.2.1', path: '/about' };
const PROBE: LoggedRequest = { ip: '203.0.113.7', path: '/.env', status: 404 };
const GOOGLE = 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)';

it('says since when a client would have been refused, and how often', async () => {
  const { clients } = await judged([
    [
      READER,
      { ...PROBE, at: 10 },
      { ...PROBE, at: 11, path: '/about', status: 200 },
      { ...PROBE, at: 60 },
    ],
  ]);
  expect(clients).toHaveLength(1);
  expect(clients[0]).toMatchObject({
    ipAddress: '203.0.113.7',
    detectors: ['probe-path'],
    requests: 3,
    refused: 2,
    refusedWithoutBudget: 2,
    firstFindingAt: new Date(LOG_START_MS + 10_000),
    bannedFrom: new Date(LOG_START_MS + 10_000),
    certainty: 'sure',
    doubts: [],
  });
});

it('refuses nobody in mode flag', async () => {
  const { clients } = await judged([[PROBE, { ...PROBE, at: 1 }]], { mode: 'flag' });
  expect(clients[0]).toMatchObject({ requests: 2, refused: 0, bannedFrom: null });
});

it('lets a ban end after four hours, and makes the next one twice as long', async () => {
  const hours = [0, 3.9, 4.1, 11.9, 12.2];
  const { clients } = await judged([hours.map((at) => ({ ...PROBE, at: at * 3_600 }))]);
  // At 4.1 hours the second ban begins, and at 12.2 the third.
  expect(clients[0]).toMatchObject({ requests: 5, refused: 2 });
});

it('bans no more than the budget of an hour, and says what would have been without', async () => {
  const attackers = Array.from({ length: 25 }, (_, i) => `203.0.113.${i + 1}`);
  const requests = attackers.flatMap((ip, i) => [
    { ...PROBE, ip, at: i },
    { ...PROBE, ip, at: 100 + i },
  ]);
  const judgement = await judged([requests]);
  expect(judgement.bansOverBudget).toBe(5);
  const sum = (of: 'refused' | 'refusedWithoutBudget') =>
    judgement.clients.reduce((total, client) => total + client[of], 0);
  expect([sum('refused'), sum('refusedWithoutBudget')]).toEqual([20, 25]);
});

it('finds nothing against readers and authors of a WordPress, and those who attack it', async () => {
  const readers = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].flatMap((ip) =>
    [
      '/',
      '/wp-content/themes/a/style.css',
      '/wp-includes/js/jquery.js',
      '/wp-json/oembed/1.0/embed',
    ].map((path) => ({ ip, path, referer: 'https://blog.example/' })),
  );
  const author = [
    { method: 'POST', path: '/wp-login.php', status: 302 },
    { path: '/wp-admin/' },
    { path: '/wp-admin/post.php?post=7&action=edit' },
    { path: '/wp-admin/load-scripts.php?c=1' },
    { path: '/wp-json/wp/v2/users/me?_locale=user' },
    { method: 'POST', path: '/wp-admin/admin-ajax.php' },
    { method: 'POST', path: '/wp-cron.php', bytes: 0 },
  ].map((request) => ({ ...request, ip: '192.0.2.9' }));
  const attack = { ip: '203.0.113.7', path: '/wp-content/plugins/gone/readme.txt', status: 404 };
  const { clients } = await judged([
    [...readers, ...author, attack, { ...PROBE, ip: '203.0.113.8' }],
  ]);
  expect(clients.map(({ ipAddress }) => ipAddress).sort()).toEqual(['203.0.113.7', '203.0.113.8']);
});

it('judges the logs of two servers each by its own clock', async () => {
  const misses = (at: number) =>
    Array.from({ length: 6 }, (_, i) => ({ path: `/nothing-${at}-${i}`, status: 404, at }));
  const hours = [READER, { ...READER, at: 4 * 3_600 }];
  const apart = await judged([
    [READER, ...misses(9_000), ...hours.slice(1)],
    [READER, ...misses(1_000), ...hours.slice(1)],
  ]);
  expect(apart.clients).toEqual([]);
  const together = await judged([[READER, ...misses(1_000), ...misses(1_100)]]);
  expect(together.clients.map(({ detectors }) => detectors)).toEqual([['not-found']]);
});

it('judges only what came since a moment, and counts the end of the log', async () => {
  const requests = [PROBE, { ...READER, at: 7_200 }];
  const { clients, requests: count } = await judged([requests], {
    since: { beforeEndMs: 3_600_000 },
  });
  expect([clients.length, count]).toEqual([0, 1]);
  expect((await judged([requests], { since: { atMs: LOG_START_MS } })).clients).toHaveLength(1);
});

it('spares crawlers that published ranges verify, without DNS', async () => {
  const crawl = { ip: '66.249.66.1', path: '/old/page.php', status: 404, agent: GOOGLE };
  const { clients, crawlersSpared } = await judged([[crawl]]);
  expect([clients, crawlersSpared]).toEqual([[], 1]);
});

it('flags who claims to be a crawler and cannot be verified, and limits them for what is grave', async () => {
  const claim = { ip: '203.0.113.7', agent: GOOGLE, path: '/wp-login.php', status: 404 };
  const [flagged] = (await judged([[claim, { ...claim, at: 1 }]])).clients;
  expect(flagged).toMatchObject({ bannedFrom: null, refused: 0, certainty: 'doubtful' });
  expect(flagged!.doubts.join()).toContain('could not be verified');
  const [limited] = (await judged([[{ ...claim, path: '/.env' }]])).clients;
  expect(limited).toMatchObject({ bannedFrom: null });
});

it('finds a fake crawler by both steps of the DNS', async () => {
  const dns: NameResolver = {
    reverse: () => Promise.resolve(['googlebot.com.evil.example']),
    forward: () => Promise.resolve(['203.0.113.7']),
  };
  const claim = { ip: '203.0.113.7', agent: GOOGLE, path: '/wp-login.php', status: 404 };
  const { clients, detectorsNotRun } = await judged([[claim]], { dns });
  expect(clients[0]!.detectors).toEqual(['probe-path', 'fake-crawler']);
  expect(clients[0]!.bannedFrom).not.toBe(null);
  expect(detectorsNotRun.map(({ name }) => name)).not.toContain('fake-crawler');
});

it('does not wait for a DNS that never answers: it asks no more after a few questions', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  let asked = 0;
  const dns: NameResolver = {
    reverse: () => {
      asked += 1;
      return new Promise<string[]>(() => undefined);
    },
    forward: () => Promise.reject(new Error('it has no names')),
  };
  const claims = Array.from({ length: 60 }, (_, i) => ({
    ip: `203.0.113.${i + 1}`,
    agent: GOOGLE,
    path: '/wp-login.php',
    status: 404,
    at: i,
  }));
  const state = { isDone: false };
  const judging = judged([claims], { dns }).finally(() => (state.isDone = true));
  while (!state.isDone) {
    await vi.advanceTimersByTimeAsync(3_000);
    await setImmediate();
  }
  const { clients, assumptions } = await judging;
  expect(asked).toBe(10);
  expect(clients).toHaveLength(60);
  expect(clients.every(({ detectors }) => !detectors.includes('fake-crawler'))).toBe(true);
  expect(assumptions.join()).toContain('DNS has left so many questions open');
});

it('goes on asking a DNS that answers, and one that refuses at once', async () => {
  let asked = 0;
  const dns: NameResolver = {
    reverse: async () => {
      asked += 1;
      if (asked % 2 === 0) throw new Error('SERVFAIL');
      return ['host.example'];
    },
    forward: () => Promise.resolve([]),
  };
  const claims = Array.from({ length: 60 }, (_, i) => ({
    ip: `203.0.113.${i + 1}`,
    agent: GOOGLE,
    path: '/wp-login.php',
    status: 404,
  }));
  const { assumptions } = await judged([claims], { dns });
  expect(asked).toBe(60);
  expect(assumptions.join()).not.toContain('DNS has left');
});

it('does not ban a crowd behind one address', async () => {
  const crowd = Array.from({ length: 5 }, (_, i) => [
    { path: '/', agent: `Mozilla/5.0 (browser ${i})` },
    { path: '/style.css', agent: `Mozilla/5.0 (browser ${i})` },
  ]).flat();
  const { clients } = await judged([[...crowd, { ...PROBE, at: 5 }]]);
  expect(clients[0]).toMatchObject({ bannedFrom: null, certainty: 'doubtful' });
});

it('finds who hands in credentials and does nothing else', async () => {
  const login = { method: 'POST', path: '/login', status: 200 };
  const { clients } = await judged([[login, { ...login, at: 30 }, { ...READER, at: 4_000 }]]);
  expect(clients.map(({ detectors }) => detectors)).toEqual([['login-only']]);
});

it('makes one JSON document of it', async () => {
  const json = JSON.parse(JSON.stringify(judgementJson(await judged([[PROBE]])))) as Record<
    string,
    unknown
  >;
  expect(json).toMatchObject({ schemaVersion: 1, lines: 1, badLines: 0 });
  expect(json['detectorsNotRun']).toContain('request-volume');
  expect((json['clients'] as object[])[0]).toMatchObject({
    ipAddress: '203.0.113.7',
    detectors: ['probe-path'],
    score: 40,
    requests: 1,
    refused: 0,
    firstFindingAt: '2026-09-01T12:00:00.000Z',
    bannedFrom: '2026-09-01T12:00:00.000Z',
    reasons: [expect.stringContaining('/.env')],
  });
});

it('has nothing to say of an empty log', async () => {
  expect(await judged([[]])).toMatchObject({ clients: [], requests: 0, from: null, to: null });
});
