import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../net/prefix.js';
import { AuditNotes } from './audit-notes.js';
import { BanHistory } from './ban-history.js';
import { ClientEstimate } from './client-estimate.js';
import { KnownUsers } from './known-users.js';
import { LikelyProxies } from './likely-proxies.js';
import { PageCrowds } from './page-crowds.js';
import { SignIns } from './sign-ins.js';
import { WouldHave } from './would-have.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 0, 31, 12);

let seed = 1;
/** 32 random bits, the same in every run. */
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
  let bits = seed;
  bits = Math.imul(bits ^ (bits >>> 16), 0x45d9f3b);
  return bits ^ (bits >>> 15);
}

describe('the estimate of clients', () => {
  it.each([0, 1, 20, 1_000, 50_000])('of %i is right to a tenth', (count) => {
    const clients = new ClientEstimate();
    const keys = Array.from({ length: count }, () => [random(), random()] as const);
    for (const [low, high] of [...keys, ...keys]) clients.note(low, high, NOW);
    expect(Math.abs(clients.count(NOW) - count)).toBeLessThanOrEqual(Math.max(1, count / 10));
  });

  it('forgets them within the hour and five minutes, whatever jumps the clock makes', () => {
    const clients = new ClientEstimate();
    for (let i = 0; i < 1_000; i++) clients.note(random(), random(), NOW);
    expect(clients.count(NOW + 50 * MINUTE_MS)).toBeGreaterThan(900);
    expect(clients.count(NOW + 65 * MINUTE_MS)).toBe(0);
    clients.note(1, 1, NOW + 100 * DAY_MS);
    expect(clients.count(NOW + 100 * DAY_MS)).toBe(1);
    clients.note(2, 2, NOW);
    expect(clients.count(NOW)).toBe(1);
  });
});

describe('crowds', () => {
  it('are agents that load pages and what belongs to them, within an hour', () => {
    const crowds = new PageCrowds();
    const client = { low: random(), high: random() };
    for (let agent = 10; agent < 60; agent += 10) {
      crowds.note({ ...client, agent }, false, NOW);
      if (agent < 50) crowds.note({ ...client, agent }, true, NOW + MINUTE_MS);
    }
    expect(crowds.of(client.low, client.high, NOW + 2 * MINUTE_MS)).toBe(4);
    expect(crowds.of(client.low, client.high, NOW + 61 * MINUTE_MS)).toBe(0);
    expect(crowds.of(client.low + 1, client.high, NOW)).toBe(0);
  });

  it('are remembered beside a million others as far as there is room, which does not grow', () => {
    const crowds = new PageCrowds();
    for (let i = 0; i < 1_000_000; i++) {
      crowds.note({ low: random(), high: random(), agent: 1 }, false, NOW);
    }
    const client = { low: random(), high: random() };
    for (const isAsset of [true, false]) {
      for (const agent of [2, 4, 6, 8, 10]) crowds.note({ ...client, agent }, isAsset, NOW);
    }
    expect(crowds.of(client.low, client.high, NOW)).toBe(5);
  });
});

describe('sign-ins', () => {
  const firstSeen = new Map([
    ['old', NOW - 2 * DAY_MS],
    ['new', NOW - HOUR_MS],
  ]);
  const signIns = () => new SignIns((user) => firstSeen.get(user) ?? null);

  it('count for users who are known for a day, and against the client for anybody', () => {
    const some = signIns();
    for (const user of ['old', 'old', 'new', 'unheard of', null, null]) some.note('a', user, NOW);
    expect(some.of('a', NOW)).toEqual({ knownUsers: 1, successes: 2, failures: 2 });
    expect(some.of('b', NOW)).toEqual({ knownUsers: 0, successes: 0, failures: 0 });
    expect(some.of('a', NOW + HOUR_MS)).toEqual({ knownUsers: 0, successes: 0, failures: 0 });
  });

  it('are of as many clients as there is room for', () => {
    const some = signIns();
    some.note('first', 'old', NOW);
    for (let client = 0; client < 10_000; client++) some.note(`c${client}`, null, NOW);
    expect(some.of('first', NOW).knownUsers).toBe(0);
    expect(some.of('c9999', NOW).failures).toBe(1);
  });
});

describe('known users', () => {
  it('are asked for once, and again where nobody could say', async () => {
    const asked: string[][] = [];
    let isDown = true;
    const users = new KnownUsers((names) => {
      asked.push([...names]);
      return isDown
        ? Promise.reject(new Error('down'))
        : Promise.resolve(new Map(names.map((name) => [name, NOW])));
    });
    users.note('ada');
    await expect(users.learn()).rejects.toThrow('down');
    expect(users.firstSeenOf('ada')).toBeNull();
    isDown = false;
    await users.learn();
    users.note('ada');
    await users.learn();
    expect(users.firstSeenOf('ada')).toBe(NOW);
    expect(asked).toEqual([['ada'], ['ada']]);
  });
});

describe('likely proxies', () => {
  it.each([
    ['brings more than half of all requests', 15, 10, true],
    ['brings half of them', 15, 15, false],
    ['brings all of very few', 15, 0, false],
  ])('a peer that %s', (_, forwarded, others, isProxy) => {
    const proxies = new LikelyProxies();
    for (let i = 0; i < forwarded; i++) proxies.note('10.0.0.1', NOW);
    for (let i = 0; i < others; i++) proxies.note(null, NOW);
    expect(proxies.has('10.0.0.1')).toBe(isProxy);
    expect(proxies.has('10.0.0.2')).toBe(false);
  });

  it('are forgotten in two hours', () => {
    const proxies = new LikelyProxies();
    for (let i = 0; i < 30; i++) proxies.note('10.0.0.1', NOW);
    proxies.note(null, NOW + HOUR_MS);
    expect(proxies.has('10.0.0.1')).toBe(true);
    proxies.note(null, NOW + 2 * HOUR_MS);
    expect(proxies.has('10.0.0.1')).toBe(false);
  });
});

describe('the history of bans', () => {
  const CLOCKS = { now: () => NOW, steady: () => 0 };
  const network = parsePrefix('203.0.113.7')!;
  const ban = (startedAtMs: number) => ({
    action: 'ban' as const,
    startedAtMs,
    endsAtMs: startedAtMs + HOUR_MS,
  });

  it('has each ban once, and those of 30 days', () => {
    const history = new BanHistory(CLOCKS);
    history.add(network, ban(NOW - 31 * DAY_MS));
    history.add(network, ban(NOW - DAY_MS));
    history.add(network, ban(NOW));
    history.add(network, ban(NOW));
    expect(history.of(network).map(({ startedAtMs }) => startedAtMs)).toEqual([NOW - DAY_MS, NOW]);
    history.remove(network, NOW);
    expect(history.of(network)).toHaveLength(1);
  });

  it('has the last pardon, also where it was of a wider network', () => {
    const history = new BanHistory(CLOCKS);
    expect(history.pardonedAtMs(network)).toBeNull();
    history.pardon(parsePrefix('203.0.113.0/24')!, NOW);
    expect(history.pardonedAtMs(network)).toBe(NOW);
    history.pardon(network, NOW + 1);
    history.pardon(network, NOW - 1);
    expect(history.pardonedAtMs(network)).toBe(NOW + 1);
    expect(history.pardonedAtMs(parsePrefix('203.0.114.1')!)).toBeNull();
  });
});

describe('notes for the audit', () => {
  const note = (client: number) => ({
    event: 'refused' as const,
    code: 'budget',
    network: `203.0.113.${client}/32`,
    actor: 'detection',
  });

  it('are one of a client and a reason within an hour, and one for all that are too many', () => {
    const notes = new AuditNotes();
    for (let client = 0; client < 250; client++) {
      notes.add(note(client), NOW);
      notes.add(note(client), NOW);
    }
    expect(notes.take(NOW)).toHaveLength(200);
    expect(notes.take(NOW)).toEqual([]);
    expect(notes.take(NOW + HOUR_MS)).toMatchObject([{ event: 'refused', clients: 50 }]);
    notes.add(note(0), NOW + HOUR_MS);
    expect(notes.take(NOW + HOUR_MS)).toHaveLength(1);
  });
});

describe('what a ban would have done', () => {
  it('is said once a day, and begins anew', () => {
    const would = new WouldHave(NOW);
    would.made('ban', 'probe-path');
    would.made('ban', 'probe-path');
    would.made('limit', 'payload');
    would.spared(false);
    would.spared(true);
    would.refuses(false);
    would.refuses(true);
    expect(would.line(NOW + HOUR_MS)).toBeNull();
    expect(would.line(NOW + DAY_MS)).toBe(
      "detection.response is 'flag'. In 1 day 'ban' would have banned 2 clients and limited 1 (probe-path 2, payload 1), and refused 2 requests, 1 of them by users who had signed in; 1 bans would have been milder, and 1 not made for want of budget",
    );
    expect(would.line(NOW + DAY_MS)).toBeNull();
    expect(would.line(NOW + 2 * DAY_MS)).toContain("'ban' would have banned 0 clients");
  });
});
