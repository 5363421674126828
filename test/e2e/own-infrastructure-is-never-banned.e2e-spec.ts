import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  BanService,
  IpRuleService,
  IpTrackingEvents,
  IpTrackingStatus,
  type IpAddress,
  type IpTrackingOptions,
  type NameResolver,
} from '../../src/index.js';
import { auditOf, bansOf, banningHostOfTest, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';
import type { TestDatabase } from '../support/postgres.js';
import { SetClock } from '../support/set-clock.js';

const YANDEX = 'Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)';

/** A DNS in which two addresses are a crawler's, one is another's, and about one nobody answers. */
const NAMES: Record<string, string> = {
  '5.255.253.10': 'spider-10.yandex.com',
  '5.255.253.11': 'spider-11.yandex.com',
  '2a02:6b8::5': 'spider-v6.yandex.com',
  '45.33.32.1': 'host-1.hosting.example',
};
const nameResolver: NameResolver = {
  reverse: async (ip: IpAddress) => {
    const text = ip.toString();
    if (text === '45.33.32.4') {
      throw Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });
    }
    return NAMES[text] === undefined ? [] : [NAMES[text]];
  },
  forward: async (name: string) =>
    Object.entries(NAMES).flatMap(([address, known]) => (known === name ? [address] : [])),
};

describe.each(ADAPTERS)('a ban on %s never hits', (adapter) => {
  const started = (
    options: Partial<IpTrackingOptions> = {},
    database?: TestDatabase,
    clock = new SetClock(),
  ): Promise<Host> => banningHostOfTest(adapter, options, { clock, ...(database && { database }) });
  /** What a process has decided, be it taken back by the database. */
  const bansToldBy = (host: Host): string[] => {
    const told: string[] = [];
    host.app.get(IpTrackingEvents).on('ban', ({ network }) => told.push(network));
    return told;
  };
  const probe = async (host: Host, from: string, agent = 'curl/8'): Promise<number> =>
    (await host.send({ path: '/.env', from, headers: { 'user-agent': agent } })).status;
  const visit = async (host: Host, from: string): Promise<number> =>
    (await host.send({ from })).status;

  it("trusted proxies of another process, once that has begun, and nobody's neighbours", async () => {
    const host = await started();
    const told = bansToldBy(host);
    await started(
      {
        clientIp: {
          strategy: 'trusted-proxies',
          proxies: ['127.0.0.1', '198.51.100.0/25', '2001:db8:1:2::7'],
        },
      },
      host.database,
    );
    await eventually(
      async () => {
        const rows = await host.database.query(
          `select from ip_tracking.protected_network where network = '198.51.100.0/25'`,
        );
        return rows.length > 0;
      },
      { what: 'the announcement in the database' },
    );
    let last = 0;
    // What one has announced the others hear at once; whom they have banned by then they let go.
    await eventually(
      async () => {
        const before = told.length;
        const proxy = `198.51.100.${(last += 1)}`;
        expect(await probe(host, proxy)).toBe(404);
        await eventually(async () => (await visit(host, proxy)) === 200, { what: 'its return' });
        return told.length === before;
      },
      { withinMs: 40_000, what: 'the announcement, which is asked for once a minute' },
    );
    const before = told.length;
    expect(await probe(host, '198.51.100.127')).toBe(404);
    // With one address of a /64 all of it is spared, since all of it would be banned.
    expect(await probe(host, '2001:db8:1:2:ffff::1')).toBe(404);
    expect(await visit(host, '198.51.100.127')).toBe(200);
    expect(await visit(host, '2001:db8:1:2::7')).toBe(200);
    expect(told).toHaveLength(before);
    await probe(host, '198.51.100.128');
    expect(await visit(host, '198.51.100.128')).toBe(403);
    await storedBan(host, '198.51.100.128');
    expect((await bansOf(host)).map(({ network }) => network)).toEqual(['198.51.100.128/32']);
  });

  it('the addresses of the host itself, from its first request on', async () => {
    const host = await started();
    const told = bansToldBy(host);
    const own = Object.values(networkInterfaces())
      .flat()
      .flatMap((found) => (found === undefined || found.internal ? [] : [found.address]))
      .map((address) => address.split('%', 1)[0]!);
    for (const address of [...own, '127.0.0.2', '::1']) {
      expect(await probe(host, address)).toBe(404);
      expect(await visit(host, address)).toBe(200);
    }
    expect(told).toEqual([]);
  });

  it('the addresses of another host, whoever knows of them first', async () => {
    const clock = new SetClock();
    const host = await started({}, undefined, clock);
    const told = bansToldBy(host);
    // As that host announces it, at a moment at which no notification arrives.
    await host.database.query(
      `insert into ip_tracking.protected_network (network, kind) values ('203.0.113.50', 'own address')`,
    );
    await probe(host, '203.0.113.50');
    await eventually(async () => (await visit(host, '203.0.113.50')) === 200, {
      what: 'its return',
    });
    expect(await bansOf(host)).toEqual([]);
    // A minute later it is known here, and there is nothing to be taken back.
    clock.wrongByMs += 61_000;
    await eventually(
      async () => {
        const before = told.length;
        await probe(host, '203.0.113.50');
        await eventually(async () => (await visit(host, '203.0.113.50')) === 200);
        return told.length === before;
      },
      { what: 'the round of the minute' },
    );
    const audit = await auditOf(host, '203.0.113.50');
    expect(new Set(audit)).not.toContain('ban ban');
  });

  it('an IPv6 address that a rule allows, though it stands for its /64', async () => {
    const host = await started();
    const told = bansToldBy(host);
    await host.app.get(IpRuleService).allow('2001:db8:9:9::7');
    expect(await probe(host, '2001:db8:9:9::7')).toBe(404);
    expect(await visit(host, '2001:db8:9:9::8')).toBe(200);
    expect(told).toEqual([]);
    // What a neighbour does would ban the /64, and the database does not take that.
    await host.send({ path: '/.git/config', from: '2001:db8:9:9::8' });
    expect(await visit(host, '2001:db8:9:9::7')).toBe(200);
    await eventually(async () => (await auditOf(host, '2001:db8:9:9::8')).length > 0, {
      what: 'what the database says',
    });
    await eventually(async () => (await visit(host, '2001:db8:9:9::8')) === 200, {
      what: 'the end of what was not taken',
    });
    expect(await auditOf(host, '2001:db8:9:9::8')).toEqual(['refused protected']);
    expect(await bansOf(host)).toEqual([]);
  });

  it('a crawler that DNS verifies (complaint: Googlebot, Bing, monitors banned); who is found out is banned, and who cannot be asked about is limited', async () => {
    const clock = new SetClock();
    const host = await started(
      { detection: { nameResolver, verifyCrawlers: true } },
      undefined,
      clock,
    );
    const told = bansToldBy(host);
    const exempted = (): number =>
      host.app.get(IpTrackingStatus).read().watch?.exempted['verified crawler'] ?? 0;
    const crawlers = ['5.255.253.11', '5.255.253.10', '2a02:6b8::5'];
    for (const [at, crawler] of crawlers.entries()) {
      expect(await probe(host, crawler, YANDEX)).toBe(404);
      await eventually(() => exempted() === at + 1, { what: `the exemption of ${crawler}` });
      expect(await visit(host, crawler)).toBe(200);
    }
    expect(told).toEqual([]);

    // Names that lead elsewhere are no crawler's: they are a client's like any.
    await probe(host, '45.33.32.1', YANDEX);
    expect((await storedBan(host, '45.33.32.1')).action).toBe('block');
    expect(await visit(host, '45.33.32.1')).toBe(403);

    await probe(host, '45.33.32.4', YANDEX);
    expect((await storedBan(host, '45.33.32.4')).action).toBe('limit');
    expect(await visit(host, '45.33.32.4')).toBe(200);
    expect(await auditOf(host, '45.33.32.4')).toEqual(['ban unverified-crawler']);

    expect(host.app.get(BanService).list()).toHaveLength(2);
    expect(told.toSorted()).toEqual(['45.33.32.1/32', '45.33.32.4/32']);
    // The audit says why nothing followed.
    clock.wrongByMs += 61_000;
    await eventually(
      async () => (await auditOf(host, '5.255.253.10')).join() === 'softened verified-crawler',
      { what: 'the audit of the crawler' },
    );
  });
});
