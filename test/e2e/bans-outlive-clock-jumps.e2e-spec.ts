import { describe, expect, it, onTestFinished } from 'vitest';
import { BanService, DetectionService, IpRuleService } from '../../src/index.js';
import type { IpTrackingOptions } from '../../src/index.js';
import { holdBanLock, type HeldBanLock } from '../support/ban-lock.js';
import { auditOf, banningHostOfTest, bansOf, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host, type HostOptions } from '../support/host-app.js';
import { SetClock } from '../support/set-clock.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ATTACKER = '203.0.113.7';
const KEY = 'a key that is long enough to be one, of 32 bytes';

describe.each(ADAPTERS)('a ban on %s, while somebody sets the clock of its process,', (adapter) => {
  const started = (
    clock: SetClock,
    options: Partial<IpTrackingOptions> = {},
    more: Partial<HostOptions> = {},
  ): Promise<Host> => banningHostOfTest(adapter, options, { clock, ...more });
  const asking =
    (host: Host) =>
    async (path = '/', from = ATTACKER) =>
      (await host.send({ path, from })).status;
  /** The attacker is banned, and the ban waits for the database. */
  const bannedButNotStored = async (host: Host): Promise<HeldBanLock> => {
    const lock = await holdBanLock(host.database.url);
    onTestFinished(() => lock.release());
    await asking(host)('/.env');
    await lock.waiting(1);
    return lock;
  };
  /** What had to be stored before this is. */
  const settled = async (host: Host, marker: string): Promise<void> => {
    await host.send({ path: '/.env', from: marker });
    await storedBan(host, marker);
  };

  it('goes on when it is set back, and ends when the database says so', async () => {
    const clock = new SetClock();
    const host = await started(clock);
    const ask = asking(host);
    await ask('/.env');
    await storedBan(host, ATTACKER);
    clock.wrongByMs = -2 * DAY_MS;
    expect(await ask()).toBe(403);
    // Its time has come, by the clock that wrote it.
    await host.database.query('update ip_tracking.ip_rule set expires_at = clock_timestamp()');
    // What is done once a minute is done.
    clock.wrongByMs -= HOUR_MS;
    await eventually(async () => (await ask()) === 200, { what: 'the end' });
    expect(await bansOf(host)).toEqual([]);
    await eventually(() => host.app.get(BanService).list().length === 0, { what: 'the end here' });
    const history = await host.app.get(BanService).history(ATTACKER);
    expect(history.map(({ event }) => event)).toEqual(['expiry', 'ban']);
    expect(history[0]!.happenedAt.getTime()).toBeGreaterThan(history[1]!.happenedAt.getTime());
    expect(history[1]!.happenedAt.getTime()).toBeGreaterThan(Date.now() - MINUTE_MS);
  });

  it('that is stored nowhere lasts no longer than was said when it is set back', async () => {
    const clock = new SetClock();
    const host = await started(clock, {
      privacy: { address: 'hashed', key: KEY },
      detection: { tuning: { 'probe-path': { firstBanMs: 8_000 } } },
    });
    const ask = asking(host);
    await ask('/.env');
    clock.wrongByMs = -3 * DAY_MS;
    expect(await ask()).toBe(403);
    await eventually(async () => (await ask()) === 200, { what: 'the end' });
    expect(host.app.get(BanService).list()).toEqual([]);
  });

  it('that waits for the database is stored with what was said of it', async () => {
    for (const jumpMs of [-3 * DAY_MS, -2 * HOUR_MS, HOUR_MS]) {
      const clock = new SetClock();
      const host = await started(clock);
      const ask = asking(host);
      const lock = await bannedButNotStored(host);
      clock.wrongByMs = jumpMs;
      expect(await ask()).toBe(403);
      await lock.release();
      const { expiresAt, createdAt } = await storedBan(host, ATTACKER);
      const leftMs = expiresAt!.getTime() - createdAt.getTime();
      expect(leftMs).toBeLessThan(4.9 * HOUR_MS);
      // A clock that is set forward takes from a ban what it jumps over, and no other does.
      expect(leftMs).toBeGreaterThan(3.1 * HOUR_MS - Math.max(0, jumpMs));
      expect(await ask()).toBe(403);
      expect(await auditOf(host, ATTACKER)).toEqual(['ban ban']);
    }
  });

  it('that waits for the database and is over by then is not stored', async () => {
    const clock = new SetClock();
    const host = await started(clock);
    const ask = asking(host);
    const lock = await bannedButNotStored(host);
    clock.wrongByMs = 5 * DAY_MS;
    expect(await ask()).toBe(200);
    await lock.release();
    await settled(host, '198.51.100.1');
    expect((await bansOf(host)).map(({ network }) => network)).toEqual(['198.51.100.1/32']);
    expect(await auditOf(host, ATTACKER)).toEqual(['refused over']);
  });

  it('begins anew where it was set forward and the stored one seems over, and holds when it is right again', async () => {
    const clock = new SetClock();
    const host = await started(clock);
    const ask = asking(host);
    await ask('/.env');
    await storedBan(host, ATTACKER);
    clock.wrongByMs = 10 * DAY_MS;
    expect(await ask()).toBe(200);
    await ask('/.git/config');
    expect(await ask()).toBe(403);
    await settled(host, '198.51.100.1');
    await eventually(() => host.app.get(BanService).list().length > 0);
    expect(await ask()).toBe(403);
    expect((await bansOf(host)).filter(({ network }) => network.startsWith(ATTACKER))).toHaveLength(
      1,
    );
    clock.wrongByMs = 0;
    expect(await ask()).toBe(403);
    await host.app.get(IpRuleService).unblock(ATTACKER, { by: 'ada' });
    expect(await ask()).toBe(200);
    await settled(host, '198.51.100.2');
    expect(await ask()).toBe(200);
  });

  it('is counted for the next one, whichever clock it began by', async () => {
    const clock = new SetClock();
    clock.wrongByMs = 2 * DAY_MS;
    const host = await started(clock);
    const ask = asking(host);
    const over = async () => {
      await storedBan(host, ATTACKER);
      await host.database.query('delete from ip_tracking.ip_rule');
      await eventually(async () => (await ask()) === 200, { what: 'the end' });
    };
    await ask('/.env');
    await over();
    clock.wrongByMs = 0;
    await ask('/.git/config');
    const second = await storedBan(host, ATTACKER);
    expect(second.reason).toMatch(/^banned for .*: its ban number 2 within 30 days;/);
    expect(second.expiresAt!.getTime()).toBeGreaterThan(Date.now() + 6.3 * HOUR_MS);
    expect(second.expiresAt!.getTime()).toBeLessThan(Date.now() + 9.7 * HOUR_MS);
    await over();
    clock.wrongByMs = -3 * HOUR_MS;
    await ask('/.svn/entries');
    const third = await storedBan(host, ATTACKER);
    expect(third.reason).toMatch(/: its ban number 3 within 30 days;/);
    expect(third.expiresAt!.getTime()).toBeGreaterThan(Date.now() + 12.7 * HOUR_MS);
  });

  it('does not keep the budget used up', async () => {
    const clock = new SetClock();
    clock.wrongByMs = 3 * DAY_MS;
    const host = await started(clock, { privacy: { address: 'hashed', key: KEY } });
    const ask = asking(host);
    for (let client = 0; client < 22; client += 1) await ask('/.env', `198.51.100.${client}`);
    expect(await ask('/', '198.51.100.19')).toBe(403);
    expect(await ask('/', '198.51.100.21')).toBe(200);
    clock.wrongByMs = 0;
    await ask('/.env', '198.51.100.40');
    expect(await ask('/', '198.51.100.40')).toBe(200);
    clock.wrongByMs = 61 * MINUTE_MS;
    await ask('/.env', '198.51.100.41');
    expect(await ask('/', '198.51.100.41')).toBe(403);
  });

  it('does not come of what was counted before and after it was set back, but for what was within the window', async () => {
    const clock = new SetClock();
    const host = await started(clock);
    const ask = asking(host);
    const findings = async (from: string) =>
      (await host.app.get(DetectionService).findings()).filter(({ subject }) => subject === from);
    for (let path = 0; path < 6; path += 1) await ask(`/nothing-${path}`);
    clock.wrongByMs = -2 * DAY_MS;
    await ask('/');
    clock.wrongByMs += 2 * HOUR_MS;
    for (let path = 10; path < 16; path += 1) await ask(`/nothing-${path}`);
    await settled(host, '198.51.100.1');
    expect(await findings(ATTACKER)).toEqual([]);
    // Half before, and half after: it was all within the window.
    for (let path = 0; path < 6; path += 1) await ask(`/nothing-${path}`, '203.0.113.8');
    clock.wrongByMs -= 5 * DAY_MS;
    for (let path = 10; path < 16; path += 1) await ask(`/nothing-${path}`, '203.0.113.8');
    const [finding] = await eventually(
      async () => {
        const found = await findings('203.0.113.8');
        return found.length > 0 && found;
      },
      { what: 'the finding' },
    );
    expect(finding!.firstSeenAt.getTime()).toBeGreaterThan(clock.now() - HOUR_MS);
    expect(finding!.lastSeenAt.getTime()).toBeLessThanOrEqual(clock.now());
  });

  it('is not escaped by a pardon of two hours ago where the clock is a day behind', async () => {
    const clock = new SetClock();
    clock.wrongByMs = -DAY_MS;
    const first = await started(clock);
    await first.database.query(
      `insert into ip_tracking.ban_event (event, network, actor, happened_at)
       values ('pardon', $1::inet::cidr, 'ada', now() - interval '2 hours')`,
      [ATTACKER],
    );
    const host = await started(clock, {}, { database: first.database });
    const ask = asking(host);
    await ask('/.env');
    expect(await ask()).toBe(403);
    await storedBan(host, ATTACKER);
  });
});
