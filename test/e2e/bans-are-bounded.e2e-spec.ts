import { describe, expect, it, onTestFinished } from 'vitest';
import { BanService, DetectionService, IpTrackingEvents } from '../../src/index.js';
import { holdBanLock } from '../support/ban-lock.js';
import { auditOf, bansOf, startBanningHost } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';

describe.each(ADAPTERS)('a flood of clients on %s, each of whom probes once', (adapter) => {
  it('is banned as far as the budget goes, by all processes together, and flagged beyond it', async () => {
    const said: string[] = [];
    const other = await startBanningHost(adapter, { stateDir: false });
    onTestFinished(() => other.close());
    // The last one made has the logger of all.
    const host = await startBanningHost(
      adapter,
      { stateDir: false },
      {
        database: other.database,
        configure: (app) =>
          app.useLogger({
            log: () => undefined,
            warn: (message: unknown) => void said.push(String(message)),
            error: () => undefined,
          }),
      },
    );
    onTestFinished(() => host.close());
    const flood = async (where: typeof host, network: number): Promise<void> => {
      for (let from = 0; from < 240; from += 20) {
        await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            where.send({ path: '/.env', from: `198.18.${network}.${from + at}` }),
          ),
        );
      }
    };
    await Promise.all([flood(host, 1), flood(other, 2)]);
    const findings = () => host.app.get(DetectionService).findings();
    await eventually(async () => (await findings()).length === 480, {
      withinMs: 20_000,
      what: 'all findings',
    });
    await eventually(
      async () => {
        const stored = await bansOf(host);
        // Either has seen some 240 clients, or 480 where both have asked it.
        return stored.length >= 20 && stored.length <= 30;
      },
      { what: 'the bans' },
    );
    const stored = await bansOf(host);
    let refused = 0;
    for (let client = 0; client < 240; client += 1) {
      const { status } = await host.send({ from: `198.18.1.${client}` });
      if (status === 403) refused += 1;
    }
    expect(refused).toBeLessThanOrEqual(stored.length);
    const alarms = said.filter((line) => line.includes('clients have been banned within an hour'));
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms.length).toBeLessThanOrEqual(2);

    // A slow one is found nevertheless, at the threshold of a detector that counts.
    for (let path = 0; path < 10; path += 1) {
      await host.send({ path: `/nothing-${path}`, from: '203.0.113.9' });
    }
    await eventually(
      async () =>
        (await findings()).some(
          ({ subject, detector }) => subject === '203.0.113.9' && detector === 'not-found',
        ),
      { what: 'the slow one' },
    );
  });

  it('counts as one in an IPv6 /48, from which everybody is banned who probes', async () => {
    const host = await startBanningHost(adapter, { stateDir: false });
    onTestFinished(() => host.close());
    const probe = async (from: string): Promise<number> => {
      await host.send({ path: '/.env', from });
      return (await host.send({ from })).status;
    };
    for (let site = 0; site < 30; site += 1) {
      expect(await probe(`2001:db8:1:${site.toString(16)}::1`)).toBe(403);
    }
    // Of twenty places one is taken.
    for (let client = 0; client < 19; client += 1) {
      expect(await probe(`198.18.1.${client}`)).toBe(403);
    }
    expect(await probe('198.18.1.200')).toBe(200);
    expect(await probe('2001:db8:2::1')).toBe(200);
    // It has its place, and keeps it.
    expect(await probe('2001:db8:1:ff::1')).toBe(403);
    await eventually(async () => (await bansOf(host)).length === 50, {
      what: 'the database to see it alike',
    });
    expect(host.app.get(BanService).list()).toHaveLength(50);
    expect(await auditOf(host, '2001:db8:1:ff::1')).toEqual(['ban ban']);
  });

  it('has room for the worst first, where others have banned meanwhile', async () => {
    const host = await startBanningHost(adapter, {
      stateDir: false,
      detection: { tuning: { payload: { weight: 90 } } },
    });
    onTestFinished(() => host.close());
    const dropped: string[] = [];
    host.app.get(IpTrackingEvents).on('unban', ({ network, why }) => {
      if (why === 'dropped') dropped.push(network.split('/')[0]!);
    });
    const probers = Array.from({ length: 14 }, (_, at) => `198.18.1.${at + 1}`);
    const breakers = Array.from({ length: 5 }, (_, at) => `198.18.2.${at + 1}`);
    const lock = await holdBanLock(host.database.url);
    onTestFinished(() => lock.release());
    await host.send({ path: '/.env', from: '198.18.0.1' });
    await lock.waiting(1);
    for (const from of probers) await host.send({ path: '/.env', from });
    for (const from of breakers) await host.send({ path: '/?f=../../../../etc/passwd', from });
    for (const from of [...probers, ...breakers]) {
      expect((await host.send({ from })).status).toBe(403);
    }
    // Another process has banned twelve before it gives the lock to this one: of the nineteen here seven have room.
    await host.database.query(
      `insert into ip_tracking.ban_event (event, action, ban_id, network, subject, detector, code, reason, ends_at, actor, clients)
       select 'ban', 'block', gen_random_uuid(), ('198.18.3.' || at)::cidr, '198.18.3.' || at, 'probe-path', 'ban',
              'banned elsewhere', now() + interval '4 hours', 'detection', 1
         from generate_series(1, 12) as at`,
    );
    await lock.release();
    await eventually(() => dropped.length === 12, { what: 'twelve to be let go of' });
    const stored = (await bansOf(host)).map(({ network }) => network.split('/')[0]!).toSorted();
    // The first one, all of the worst, and of the others those of the oldest evidence.
    expect(stored).toEqual(['198.18.0.1', ...probers.slice(0, 2), ...breakers].toSorted());
    expect(dropped.toSorted()).toEqual(probers.slice(2).toSorted());
    for (const from of probers.slice(2)) {
      expect((await host.send({ from })).status).toBe(200);
      expect(await auditOf(host, from)).toEqual(['refused budget']);
    }
    for (const from of breakers) expect((await host.send({ from })).status).toBe(403);
    expect(host.app.get(BanService).list()).toHaveLength(8);
  });
});
