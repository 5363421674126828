import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { ask } from '../../support/ask.js';
import { eventually } from '../../support/eventually.js';
import { send } from '../../support/http.js';
import type { Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';

/** What young records and bans may take to be safe from a kill, in milliseconds, and as much again. */
const SETTLED_MS = 400;

/** A probe, with an id at its end that tells its row from every other one. */
async function probe(url: string, attacker: number): Promise<number> {
  const { status } = await send(url, {
    path: `/.git/probe-${attacker}-${Math.random().toString(36).slice(2)}`,
    from: addressOf(attacker),
    headers: { 'user-agent': 'curl/8' },
  });
  return status;
}

/** None of those that the load comes from. */
function addressOf(attacker: number): string {
  return `203.0.${113 + (attacker >> 8)}.${attacker & 0xff}`;
}

async function count(url: string, sql: string): Promise<number> {
  const [row] = await ask<{ count: number }>(url, `select count(*)::integer as count from ${sql}`);
  return row!.count;
}
const BANS = `ip_tracking.ip_rule where ban_id is not null`;
const BAN_EVENTS = `ip_tracking.ban_event where event = 'ban'`;
/** Findings of attackers without their ban, and the other way round. */
const HALVES = `ip_tracking.suspicious_ip as found
  full join (select * from ${BANS}) as ban on ban.finding_id = found.id
 where (found.subject is null or found.subject like '203.0.%') and (found.id is null or ban.id is null)`;

/** Attackers come while the database is down: they are refused at once, and their bans are stored once it is back. */
export const bannedWhileDown: Fault = {
  name: 'banned while the database is down',
  async run(drill) {
    const server = await drill.server();
    const app = await drill.app({
      databaseUrl: server.url,
      stateDir: drill.folder(),
      response: 'ban',
    });
    const load = drill.load(() => app.url);
    await sleep(500);
    // Until the rules are known nobody is banned: who is allowed is not known either.
    await eventually(async () => (await probe(app.url, 0)) === 403, {
      withinMs: drill.patienceMs,
      what: 'the first ban',
    });
    await eventually(async () => (await count(server.url, BANS)) === 1, {
      withinMs: drill.patienceMs,
      what: 'the first ban in the database',
    });
    await server.stop('immediate');
    const attackers = 15;
    for (let attacker = 1; attacker < attackers; attacker += 1) {
      expect([200, 404]).toContain(await probe(app.url, attacker));
      expect(await probe(app.url, attacker)).toBe(403);
    }
    await sleep(drill.scaled(1_500, 60_000));
    await server.start();
    await eventually(async () => (await count(server.url, BANS).catch(() => 0)) === attackers, {
      withinMs: drill.patienceMs + 30_000,
      what: 'the bans in the database',
    });
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(server.url, [load], [app], {
      withinMs: drill.patienceMs,
    });
    expect(load.failed).toBe(0);
    expect(await count(server.url, HALVES)).toBe(0);
    expect(await count(server.url, BAN_EVENTS)).toBe(attackers);
    const refused = await count(
      server.url,
      `ip_tracking.request_log where path like '/.git/probe-%' and outcome = 'blocked' and reason = 'rule'`,
    );
    expect(refused).toBeGreaterThanOrEqual(attackers);
    return { ...figuresOf(account), bans: String(attackers) };
  },
};

/** The app is killed at any moment after a finding: finding and ban are both stored, or neither. */
export const killedBeforeBan: Fault = {
  name: 'kill -9 between a finding and its ban',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.load(() => url);
    // No more than an hour's budget has room for.
    const times = drill.scaled(4, 20);
    for (let time = 0; time < times; time += 1) {
      const app = await drill.app({ databaseUrl: server.url, stateDir, response: 'ban' });
      url = app.url;
      await sleep(300);
      // What the load has sent is safe before anybody is killed: what is tried here is the ban.
      url = null;
      await load.answered();
      await sleep(SETTLED_MS);
      await probe(app.url, time);
      await sleep(Math.random() * SETTLED_MS);
      await app.end('SIGKILL');
      expect(await count(server.url, HALVES), 'a finding without its ban, or the reverse').toBe(0);
    }
    await load.stop();
    const last = await drill.app({ databaseUrl: server.url, stateDir, response: 'ban' });
    for (let attacker = 0; attacker < times; attacker += 1) {
      await probe(last.url, attacker);
      expect(await probe(last.url, attacker)).toBe(403);
    }
    await eventually(async () => (await count(server.url, BANS)) === times, {
      what: 'a ban for each',
    });
    await drained([last]);
    const account = await expectIdentity(server.url, [load], [last]);
    expect(await count(server.url, HALVES)).toBe(0);
    expect(await count(server.url, BAN_EVENTS)).toBe(times);
    return { ...figuresOf(account), kills: String(times) };
  },
};

/** More attackers come than may be banned: no more are, the log says so once, and every request is answered and stored. */
export const budgetUsedUp: Fault = {
  name: 'budget of bans used up',
  async run(drill) {
    const database = await drill.database();
    const app = await drill.app({
      databaseUrl: database.url,
      stateDir: drill.folder(),
      response: 'ban',
    });
    const attackers = drill.scaled(150, 1_500);
    for (let attacker = 0; attacker < attackers; attacker += 1) await probe(app.url, attacker);
    const load = drill.load(() => app.url);
    await sleep(drill.scaled(500, 5_000));
    await load.stop();
    await drained([app]);
    const account = await expectIdentity(database.url, [load], [app]);
    expect(load.failed).toBe(0);
    const found = () =>
      count(database.url, `ip_tracking.suspicious_ip where subject like '203.0.%'`);
    await eventually(async () => (await found()) === attackers, {
      withinMs: drill.patienceMs,
      what: 'all findings',
    });
    const bans = await count(database.url, BANS);
    // A tenth of the clients that it has seen, as it estimates them.
    expect(bans).toBeGreaterThanOrEqual(20);
    expect(bans).toBeLessThanOrEqual(Math.max(22, attackers * 0.12));
    expect(await count(database.url, BAN_EVENTS)).toBe(bans);
    const rows = await count(
      database.url,
      `ip_tracking.request_log where path like '/.git/probe-%'`,
    );
    expect(rows).toBe(attackers);
    expect(app.log.split('clients have been banned within an hour')).toHaveLength(2);
    return { ...figuresOf(account), attackers: String(attackers), bans: String(bans) };
  },
};
