import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Module } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  BanService,
  DetectionService,
  IpRuleService,
  IpTrackingEvents,
  PrivacyService,
  type BanTold,
} from '../../src/index.js';
import { auditOf, bansOf, startBanningHost, storedBan } from '../support/banning-host.js';
import { runCli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

const ATTACKER = '203.0.113.7';
const KEY = 'a key that is long enough to be one, of 32 bytes';

/** As @nestjs/event-emitter provides it. */
class EventEmitter2 {
  readonly told: [string, unknown][] = [];
  emit(name: string, event: unknown): boolean {
    this.told.push([name, event]);
    return true;
  }
}
const emitter = new EventEmitter2();

@Module({ providers: [{ provide: EventEmitter2, useValue: emitter }] })
class EventEmitterModule {}

describe.each(ADAPTERS)('a ban on %s', (adapter) => {
  const started = async (
    ...given: Parameters<typeof startBanningHost> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<Host> => {
    const host = await startBanningHost(adapter, ...given);
    onTestFinished(() => host.close());
    return host;
  };

  it('is told to listeners, channels and the emitter of the app, with its finding and its end', async () => {
    emitter.told.length = 0;
    const host = await started({ stateDir: false }, { imports: [EventEmitterModule] });
    const events = host.app.get(IpTrackingEvents);
    const heard: string[] = [];
    const bans: BanTold[] = [];
    for (const name of ['finding', 'ban', 'unban', 'rule', 'outage'] as const) {
      onTestFinished(events.on(name, () => heard.push(name)));
    }
    events.on('ban', (ban) => bans.push(ban));
    events.on('ban', () => {
      throw new Error('the host has an error');
    });
    const published: unknown[] = [];
    const listener = (message: unknown): void => void published.push(message);
    subscribe('nestjs-ip-tracking:ban', listener);
    onTestFinished(() => void unsubscribe('nestjs-ip-tracking:ban', listener));

    await host.send({ path: '/.env', from: ATTACKER });
    expect(bans).toMatchObject([
      { action: 'ban', network: `${ATTACKER}/32`, detector: 'probe-path' },
    ]);
    expect(bans[0]!.reason).toContain('/.env');
    expect(published).toEqual(bans);
    await storedBan(host, ATTACKER);
    await eventually(() => heard.includes('finding') && heard.includes('rule'));
    await host.app.get(IpRuleService).unblock(ATTACKER, { by: 'ada' });
    await eventually(() => heard.includes('unban'));
    expect(emitter.told.map(([name]) => name)).toEqual(
      expect.arrayContaining(['ip-tracking.ban', 'ip-tracking.finding', 'ip-tracking.unban']),
    );
    expect(heard).not.toContain('outage');
  });

  it(
    'has a history that people can read, and that is exported and erased',
    { timeout: 120_000 },
    async () => {
      const host = await started({ stateDir: false });
      await host.send({ path: '/.env', from: ATTACKER });
      await storedBan(host, ATTACKER);
      const privacy = host.app.get(PrivacyService);
      // In force it stays, as any rule does.
      expect(await privacy.eraseAddress(ATTACKER)).toMatchObject({ banEvents: 0, keptRules: 1 });
      const unblock = await runCli(['unblock-ip', ATTACKER], {
        IP_TRACKING_DATABASE_URL: host.database.url,
      });
      expect(unblock).toMatchObject({ code: 0, stdout: `unblocked ${ATTACKER}/32\n` });
      await eventually(async () => (await host.send({ from: ATTACKER })).status === 200, {
        what: 'the pardon in the app',
      });
      const { code, stdout } = await runCli(['history', ATTACKER], {
        IP_TRACKING_DATABASE_URL: host.database.url,
      });
      expect(code).toBe(0);
      expect(stdout).toMatch(/pardon[\s\S]*ban +block/);
      expect(await auditOf(host, ATTACKER)).toEqual(['ban ban', 'pardon']);
      const kinds: string[] = [];
      for await (const { kind } of privacy.exportAddress(ATTACKER)) kinds.push(kind);
      expect(kinds.filter((kind) => kind === 'ban')).toHaveLength(2);
      await expect(
        host.database.query(`update ip_tracking.ban_event set actor = 'nobody'`),
      ).rejects.toThrow('append-only');
      expect(await privacy.eraseAddress(ATTACKER)).toMatchObject({ banEvents: 2, keptRules: 0 });
      expect(await host.app.get(BanService).history(ATTACKER)).toEqual([]);
      const rows = await host.database.query(
        `select event, network, reason from ip_tracking.ban_event order by id`,
      );
      expect(rows).toEqual([
        { event: 'ban', network: null, reason: null },
        { event: 'pardon', network: null, reason: null },
      ]);
    },
  );

  it(
    'stays in memory where addresses are hashed, and is pardoned all the same',
    { timeout: 120_000 },
    async () => {
      const privacy = { address: 'hashed', key: KEY } as const;
      const host = await started({ stateDir: false, privacy });
      await host.send({ path: '/.env', from: ATTACKER });
      expect((await host.send({ from: ATTACKER })).status).toBe(403);
      await eventually(
        async () => (await host.database.query('select from ip_tracking.ban_event')).length === 1,
        { what: 'the audit' },
      );
      expect(await bansOf(host)).toEqual([]);
      const [event] = await host.database.query<{ network: string | null; subject: string }>(
        'select network, subject from ip_tracking.ban_event',
      );
      expect(event!.network).toBeNull();
      expect(event!.subject).toMatch(/^fd/);
      expect(host.app.get(BanService).list()).toMatchObject([{ network: `${ATTACKER}/32` }]);
      const { stdout } = await runCli(['unblock-ip', ATTACKER], {
        IP_TRACKING_DATABASE_URL: host.database.url,
      });
      expect(stdout).toContain(`pardoned ${ATTACKER}`);
      await eventually(async () => (await host.send({ from: ATTACKER })).status === 200, {
        what: 'the pardon',
      });

      const storing = await started({
        stateDir: false,
        privacy,
        detection: { storeBannedAddresses: true },
      });
      await storing.send({ path: '/.env', from: ATTACKER });
      expect((await storedBan(storing, ATTACKER)).network).toBe(`${ATTACKER}/32`);
    },
  );

  it('is none while the response is to flag', async () => {
    const host = await started({ stateDir: false, detection: { response: 'flag' } });
    await host.send({ path: '/.env', from: ATTACKER });
    expect((await host.send({ from: ATTACKER })).status).toBe(200);
    await eventually(async () => (await host.app.get(DetectionService).findings()).length === 1);
    expect(await bansOf(host)).toEqual([]);
    expect(host.app.get(BanService).list()).toEqual([]);
  });
});
