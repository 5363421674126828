import { describe, expect, it, onTestFinished } from 'vitest';
import {
  BanService,
  IpRuleService,
  IpTrackingEvents,
  type IpTrackingOptions,
  type UnbanTold,
} from '../../src/index.js';
import { holdBanLock } from '../support/ban-lock.js';
import { bansOf, BROWSER, banningHostOfTest, storedBan } from '../support/banning-host.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';
import type { TestDatabase } from '../support/postgres.js';
import { SetClock } from '../support/set-clock.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const CLIENT = '203.0.113.7';
/** As it is on a page over plain HTTP. */
const IMAGE = {
  ...BROWSER,
  accept: 'image/avif,image/webp,image/apng,*/*;q=0.8',
  'accept-language': 'en',
};

describe.each(ADAPTERS)('the audit on %s has', (adapter) => {
  const started = (
    options: Partial<IpTrackingOptions> = {},
    clock = new SetClock(),
    database?: TestDatabase,
  ): Promise<Host> => banningHostOfTest(adapter, options, { clock, ...(database && { database }) });
  const ask = async (
    host: Host,
    path = '/',
    from = CLIENT,
    headers: Record<string, string> = { 'user-agent': 'curl/8' },
  ): Promise<number> => (await host.send({ path, from, headers })).status;
  const unbansOf = (host: Host): UnbanTold[] => {
    const told: UnbanTold[] = [];
    host.app.get(IpTrackingEvents).on('unban', (unban) => told.push(unban));
    return told;
  };
  const history = (host: Host, network = CLIENT) => host.app.get(BanService).history(network);
  const seen = async (host: Host, network = CLIENT): Promise<string[]> =>
    (await history(host, network)).map(({ event, code }) => `${event} ${code ?? ''}`.trim());
  /** Has what is done once a minute done, within the five seconds in which it is looked. */
  const aMinuteLater = (clock: SetClock): void => {
    clock.wrongByMs += MINUTE_MS + 1_000;
  };

  it(
    'prolongations, ends and pardons, and the command line shows them',
    { timeout: 120_000 },
    async () => {
      const clock = new SetClock();
      const host = await started(
        { detection: { tuning: { payload: { response: 'limit' } } } },
        clock,
      );
      const unbans = unbansOf(host);
      const bans: string[] = [];
      host.app.get(IpTrackingEvents).on('ban', ({ action, id }) => bans.push(`${action} ${id}`));
      for (const path of ['/.env', '/.git/config', '/wp-login.php']) {
        await ask(host, path, CLIENT, IMAGE);
      }
      const first = await storedBan(host, CLIENT);
      expect(first.action).toBe('limit');
      expect(first.expiresAt!.getTime() - first.createdAt.getTime()).toBeLessThanOrEqual(HOUR_MS);
      // Worse, and for longer.
      await ask(host, '/?file=../../../../etc/passwd');
      const prolonged = await eventually(
        async () => {
          const rule = await storedBan(host, CLIENT);
          return rule.banId !== first.banId && rule;
        },
        { what: 'the prolongation' },
      );
      expect(prolonged).toMatchObject({ id: first.id, action: 'limit' });
      expect(prolonged.expiresAt!.getTime()).toBeGreaterThan(
        first.expiresAt!.getTime() + 2 * HOUR_MS,
      );
      expect(await bansOf(host)).toHaveLength(1);
      expect(await seen(host)).toEqual(['prolongation detector-level', 'ban induced']);
      const [prolongation, ban] = await history(host);
      expect(prolongation).toMatchObject({
        action: 'limit',
        detector: 'payload',
        ruleId: first.id,
        banId: prolonged.banId,
        actor: 'detection',
      });
      expect(prolongation!.endsAt!.getTime()).toBeGreaterThan(ban!.endsAt!.getTime());
      expect(prolongation!.reason).toContain('payload');
      expect(bans).toEqual([`limit ${first.banId}`, `limit ${prolonged.banId}`]);
      // One goes on, and none has ended.
      expect(unbans).toEqual([]);
      expect(host.app.get(BanService).list()).toMatchObject([{ id: prolonged.banId }]);

      await host.database.query('update ip_tracking.ip_rule set expires_at = clock_timestamp()');
      aMinuteLater(clock);
      const expiry = await eventually(
        async () => (await history(host)).find(({ event }) => event === 'expiry'),
        { what: 'the end' },
      );
      expect(expiry).toMatchObject({ action: 'limit', ruleId: first.id, banId: prolonged.banId });
      expect(await bansOf(host)).toEqual([]);
      // The two paths before the first limit were only flagged: that is written down once a minute.
      await eventually(async () => (await seen(host)).includes('softened induced'), {
        what: 'what spoke for it',
      });

      const { code, stdout } = await runCli(['history', CLIENT], {
        IP_TRACKING_DATABASE_URL: host.database.url,
      });
      expect(code).toBe(0);
      expect(stdout).toMatch(/expiry +limit[\s\S]*prolongation +limit[\s\S]*ban +limit/);
    },
  );

  it('ends that nobody made, told as an expiry', async () => {
    const host = await started({
      detection: { tuning: { 'probe-path': { firstBanMs: 1_000 } } },
    });
    const unbans = unbansOf(host);
    await ask(host, '/.env');
    const { banId } = await storedBan(host, CLIENT);
    await eventually(() => unbans.length > 0, { what: 'the end' });
    expect(unbans).toMatchObject([
      { id: banId, why: 'expiry', action: 'ban', network: `${CLIENT}/32`, detector: 'probe-path' },
    ]);
    expect(unbans[0]!.until.getTime()).toBeLessThanOrEqual(Date.now());
    expect(await ask(host)).toBe(200);
    // It is in the audit as soon as the minute is over in which it ended.
    const clock = new SetClock();
    await started({}, clock, host.database);
    aMinuteLater(clock);
    await eventually(async () => (await seen(host)).join() === 'expiry,ban ban', {
      what: 'the expiry in the audit',
    });
    expect(unbans).toHaveLength(1);
  });

  it('pardons by whoever made them, told to the process whose ban it was', async () => {
    const host = await started();
    const other = await started({}, new SetClock(), host.database);
    const [unbans, elsewhere] = [unbansOf(host), unbansOf(other)];
    await ask(host, '/.env');
    const { banId } = await storedBan(host, CLIENT);
    await eventually(async () => (await ask(other)) === 403, { what: 'the ban elsewhere' });
    await other.app.get(IpRuleService).unblock(CLIENT, { by: 'ada' });
    await eventually(() => unbans.length > 0, { what: 'the pardon here' });
    expect(unbans).toMatchObject([{ id: banId, why: 'pardon' }]);
    expect(await seen(host)).toEqual(['pardon', 'ban ban']);
    expect((await history(host))[0]).toMatchObject({ actor: 'ada', action: null });
    expect(await ask(host)).toBe(200);
    // It had decided on nothing that could have ended.
    expect(elsewhere).toEqual([]);
  });

  it('what the database refuses, told as dropped', async () => {
    const host = await started();
    const unbans = unbansOf(host);
    const other = await started({}, new SetClock(), host.database);
    const lock = await holdBanLock(host.database.url);
    onTestFinished(() => lock.release());
    await ask(host, '/.env');
    expect(await ask(host)).toBe(403);
    await lock.waiting(1);
    await other.app.get(IpRuleService).allow(CLIENT, { createdBy: 'ada' });
    await lock.release();
    await eventually(() => unbans.length > 0, { what: 'the refusal' });
    expect(unbans).toMatchObject([{ why: 'dropped', action: 'ban', network: `${CLIENT}/32` }]);
    expect(await seen(host)).toEqual(['refused protected']);
    const [refused] = await history(host);
    expect(refused!.reason).toBe(`never banned: it overlaps the allow rule ${CLIENT}/32`);
    expect(await bansOf(host)).toEqual([]);
    expect(host.app.get(BanService).list()).toEqual([]);
    expect(await ask(host)).toBe(200);
  });

  it('what speaks for a client: once an hour for each reason, and nothing is told', async () => {
    const clock = new SetClock();
    const host = await started({ detection: { neverBlock: ['192.0.2.0/24'] } }, clock);
    const unbans = unbansOf(host);
    const told: string[] = [];
    host.app.get(IpTrackingEvents).on('ban', ({ network }) => told.push(network));
    for (const path of ['/.env', '/.git/config', '/?file=../../../../etc/passwd']) {
      await ask(host, path, '192.0.2.77');
      await ask(host, path, '203.0.113.8', IMAGE);
    }
    aMinuteLater(clock);
    await eventually(async () => (await seen(host, '192.0.2.77')).length > 0, {
      what: 'the audit of the minute',
    });
    expect(await seen(host, '192.0.2.77')).toEqual(['softened protected']);
    const [softened] = await history(host, '192.0.2.77');
    expect(softened).toMatchObject({
      detector: 'probe-path',
      banId: null,
      ruleId: null,
      clients: 1,
    });
    expect(softened!.reason).toContain('it is in the never-block network 192.0.2.0/24');
    expect((await seen(host, '203.0.113.8')).at(-1)).toBe('softened induced');
    expect(told.filter((network) => network.startsWith('192.0.2.'))).toEqual([]);
    expect(unbans).toEqual([]);

    // An hour later it is worth an entry again.
    clock.wrongByMs += HOUR_MS;
    await ask(host, '/.env', '192.0.2.77');
    aMinuteLater(clock);
    await eventually(async () => (await seen(host, '192.0.2.77')).length === 2, {
      what: 'the next entry',
    });
  });
});
