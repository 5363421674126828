import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BanService, DetectionService, IpRuleService } from '../../src/index.js';
import { auditOf, BROWSER, bansOf, startBanningPair, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

const HOUR_MS = 3_600_000;

describe.each(ADAPTERS)('a ban on %s', (adapter) => {
  let pair: Awaited<ReturnType<typeof startBanningPair>>;
  let host: Host;
  let other: Host;
  let last = 10;
  let from = '';

  beforeAll(async () => {
    pair = await startBanningPair(adapter);
    ({ host, other } = pair);
  });
  afterAll(() => pair.close());
  beforeEach(() => {
    from = `203.0.113.${last++}`;
  });

  const ask = async (path = '/', where = host, headers: Record<string, string> = {}) =>
    (await where.send({ path, from, headers })).status;

  it('is in force before the next request of its client, and in every process soon after', async () => {
    expect(await ask('/.env')).toBe(404);
    expect(await ask()).toBe(403);
    expect(await ask('/nothing')).toBe(403);
    await eventually(async () => (await ask('/', other)) === 403, { what: 'the ban elsewhere' });
  });

  it('is a block rule with an end, the id of its finding, and a reason that says it all', async () => {
    await ask('/.env');
    const rule = await storedBan(host, from);
    const [finding] = (await host.app.get(DetectionService).findings()).filter(
      ({ subject }) => subject === from,
    );
    expect(rule).toMatchObject({
      action: 'block',
      network: `${from}/32`,
      source: 'detection',
      createdBy: 'detection',
      findingId: finding!.id,
    });
    expect(rule.reason).toMatch(
      /^banned for \d hours( \d+ minutes)?: its first ban within 30 days; 1 request for what attackers look for \(secrets\): \/\.env$/,
    );
    const lengthMs = rule.expiresAt!.getTime() - rule.createdAt.getTime();
    expect(lengthMs).toBeGreaterThan(3.1 * HOUR_MS);
    expect(lengthMs).toBeLessThan(4.9 * HOUR_MS);
    expect(await auditOf(host, from)).toEqual(['ban ban']);
  });

  it('is one ban, whatever else is asked meanwhile', async () => {
    await Promise.all(['/.env', '/.git/config', '/wp-login.php'].map((path) => ask(path)));
    await storedBan(host, from);
    for (let time = 0; time < 5; time += 1) expect(await ask('/.env')).toBe(403);
    expect((await bansOf(host)).filter(({ network }) => network.startsWith(from))).toHaveLength(1);
    expect(await auditOf(host, from)).toEqual(['ban ban']);
  });

  it('is one ban where two processes make it at once', async () => {
    await Promise.all([ask('/.env'), ask('/.git/config', other)]);
    await storedBan(host, from);
    await eventually(async () => (await ask('/', other)) === 403 && (await ask()) === 403);
    await eventually(
      () =>
        [host, other].every(
          ({ app }) =>
            !app
              .get(BanService)
              .list()
              .some(({ network }) => network === from),
        ),
      { what: 'both to have stored theirs' },
    );
    expect((await bansOf(host)).filter(({ network }) => network.startsWith(from))).toHaveLength(1);
    expect(await auditOf(host, from)).toEqual(['ban ban']);
  });

  it('is of a /64 for IPv6, and of four of them a person is told', async () => {
    for (const at of [1, 2, 3, 4]) {
      from = `2001:db8:${last}:${at}::1`;
      await ask('/.env');
      await storedBan(host, `2001:db8:${last}:${at}::/64`);
      from = `2001:db8:${last}:${at}:ffff::2`;
      expect(await ask()).toBe(403);
    }
    const rules = await bansOf(host);
    const fourth = rules.find(({ network }) => network === `2001:db8:${last}:4::/64`);
    expect(fourth?.reason).toContain(
      `several networks of 2001:db8:${last}::/56 are banned: look at it`,
    );
    const [finding] = await host.database.query<{ suggested: string }>(
      `select evidence->>'suggestedNetwork' as suggested from ip_tracking.suspicious_ip where subject = $1`,
      [`2001:db8:${last}:4::/64`],
    );
    expect(finding?.suggested).toBe(`2001:db8:${last}::/56`);
  });

  it('ends by a pardon in every process, for whatever is around the address; what was before never counts (complaint: unban, and the next request bans again)', async () => {
    const rules = host.app.get(IpRuleService);
    from = `2001:db8:9:${last}::1`;
    await ask('/.env');
    await storedBan(host, `2001:db8:9:${last}::/64`);
    await eventually(async () => (await ask('/', other)) === 403, { what: 'the ban elsewhere' });
    const [removed] = await rules.unblock(from, { by: 'ada' });
    expect(removed?.network).toBe(`2001:db8:9:${last}::/64`);
    expect(await ask()).toBe(200);
    await eventually(async () => (await ask('/', other)) === 200, { what: 'the pardon elsewhere' });
    // For an hour they are flagged, and no more; in every process.
    expect(await ask('/.env')).toBe(404);
    expect(await ask('/.env', other)).toBe(404);
    expect([await ask(), await ask('/', other)]).toEqual([200, 200]);
    const [pardon] = await host.database.query<{ actor: string }>(
      `select actor from ip_tracking.ban_event where event = 'pardon' and network >>= $1::inet`,
      [from],
    );
    expect(pardon?.actor).toBe('ada');
  });

  it('is doubled by the next one, after its end', async () => {
    await ask('/.env');
    await storedBan(host, from);
    await host.database.query(
      `update ip_tracking.ip_rule set expires_at = now() where network = $1::inet::cidr`,
      [from],
    );
    await eventually(async () => (await ask()) === 200, { what: 'the end' });
    await ask('/.git/config');
    const rule = await eventually(async () => {
      const found = await storedBan(host, from);
      return found.expiresAt!.getTime() > Date.now() + 6 * HOUR_MS && found;
    });
    expect(rule.reason).toMatch(/^banned for .*: its ban number 2 within 30 days;/);
  });

  it('does not come of its own 403s', async () => {
    await ask('/.env');
    await storedBan(host, from);
    await Promise.all(Array.from({ length: 70 }, () => ask('/wp-login.php')));
    await host.app.get(IpRuleService).unblock(from, { by: 'ada' });
    await eventually(async () => (await ask('/', host, BROWSER)) === 200, { what: 'the pardon' });
    const { findings } = await host.app.get(DetectionService).scan();
    expect(findings.filter(({ subject }) => subject === from)).toEqual([]);
  });
});
