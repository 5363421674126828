import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { BanService, DetectionService, IpRuleService } from '../../src/index.js';
import { holdBanLock, type HeldBanLock } from '../support/ban-lock.js';
import {
  auditOf,
  bansOf,
  startBanningHost,
  startBanningPair,
  storedBan,
} from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

describe.each(ADAPTERS)('a pardon on %s', (adapter) => {
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

  const ask = async (path = '/', where = host) => (await where.send({ path, from })).status;
  const held = (where = host) =>
    where.app
      .get(BanService)
      .list()
      .filter(({ network }) => network === `${from}/32`);
  const stored = async () => (await bansOf(host)).filter(({ network }) => network.startsWith(from));
  const locked = async (): Promise<HeldBanLock> => {
    const lock = await holdBanLock(host.database.url);
    onTestFinished(() => lock.release());
    return lock;
  };
  const unblock = () => host.app.get(IpRuleService).unblock(from, { by: 'ada' });
  /** Nothing of the client is left anywhere, and nothing comes back; `maybe` may stand in its audit, or not. */
  const expectFree = async (events: string[], maybe = '') => {
    await eventually(() => held().length === 0 && held(other).length === 0, {
      what: 'both to have let go',
    });
    await eventually(async () => (await ask('/', other)) === 200, { what: 'the pardon elsewhere' });
    expect(await ask()).toBe(200);
    // What waits is written now, if it ever is.
    await settled();
    expect(await stored()).toEqual([]);
    expect([await ask(), await ask('/', other)]).toEqual([200, 200]);
    expect((await auditOf(host, from)).filter((event) => event !== maybe)).toEqual(events);
  };
  /** Each process has stored a finding of somebody else since, and so all that waited before. */
  const settled = async () => {
    for (const where of [host, other]) {
      const marker = `198.51.100.${last++}`;
      await where.send({ path: '/.env', from: marker });
      await storedBan(where, marker);
    }
  };

  it('ends a ban that is on its way: first in line, it is found by who writes the ban', async () => {
    const lock = await locked();
    const gate = await holdFindings();
    expect(await ask('/.env')).toBe(404);
    expect(await ask()).toBe(403);
    const unblocked = unblock();
    await lock.waiting(1);
    await gate.release();
    await lock.waiting(2);
    expect(await ask()).toBe(403);
    await lock.release();
    expect(await unblocked).toEqual([]);
    await expectFree(['pardon', 'refused pardoned']);
  });

  it('ends a ban that is being written: it waits for its transaction, and takes what it has written', async () => {
    const lock = await locked();
    await ask('/.env');
    await lock.waiting(1);
    const unblocked = unblock();
    await lock.waiting(2);
    expect(await ask()).toBe(403);
    await lock.release();
    expect(await unblocked).toMatchObject([{ network: `${from}/32`, action: 'block' }]);
    await expectFree(['ban ban', 'pardon']);
  });

  it('ends a ban that another process is about to write, and that comes after it', async () => {
    await ask('/.env');
    await storedBan(host, from);
    await withoutRule();
    const lock = await locked();
    const unblocked = unblock();
    await lock.waiting(1);
    expect(await ask('/.git/config', other)).toBe(404);
    expect(await ask('/', other)).toBe(403);
    await blockedOnRow();
    await lock.release();
    expect(await unblocked).toEqual([]);
    // It hears of the pardon before it would write its ban, or is refused it.
    await expectFree(['ban ban', 'pardon'], 'refused pardoned');
  });

  it('waits for whoever stores a finding of the client, and neither is given up for the other', async () => {
    await ask('/.env');
    await storedBan(host, from);
    await withoutRule();
    const lock = await locked();
    // The other one has changed the row of the finding, and is in line for its ban.
    await ask('/.env', other);
    await lock.waiting(1);
    const unblocked = unblock();
    // It waits for that row, not in line with what it needs.
    await blockedOnRow();
    await lock.release();
    await expect(unblocked).resolves.toHaveLength(1);
    await expectFree(['ban ban', 'ban ban', 'pardon']);
  });

  it('is followed by no ban for what was before it, be it found after it', async () => {
    for (let path = 0; path < 9; path += 1) await ask(`/nothing-${path}`);
    await ask('/.env');
    await storedBan(host, from);
    await unblock();
    // A tenth path is the first since; as many as a threshold asks for are flagged in the hour of grace.
    await ask('/nothing-9');
    const found = async (detector: string) =>
      (await host.app.get(DetectionService).findings()).find(
        (finding) =>
          finding.subject === from && finding.detector === detector && finding.resolvedAt === null,
      );
    await settled();
    expect(await found('not-found')).toBeUndefined();
    for (let path = 10; path < 25; path += 1) await ask(`/nothing-${path}`);
    await eventually(() => found('not-found').then((one) => one !== undefined), {
      what: 'the finding of what was after it',
    });
    // The log has what was before: its scan finds that, and nothing follows.
    await host.app.get(DetectionService).scan();
    await expectFree(['ban ban', 'pardon']);
  });

  it('holds for a process that starts after it', async () => {
    await ask('/.env');
    await storedBan(host, from);
    await unblock();
    await eventually(async () => (await ask('/', other)) === 200, { what: 'the pardon elsewhere' });
    // It reads at its start what it has not heard.
    const third = await startBanningHost(adapter, { stateDir: false }, { database: host.database });
    onTestFinished(() => third.close());
    expect(await ask('/.env', third)).toBe(404);
    expect(await ask('/', third)).toBe(200);
    await expectFree(['ban ban', 'pardon']);
  });

  /** The client may come again, and may be banned again. */
  async function withoutRule(): Promise<void> {
    await host.database.query(`delete from ip_tracking.ip_rule where network = $1::inet::cidr`, [
      from,
    ]);
    await eventually(async () => (await ask('/', other)) === 200 && (await ask()) === 200, {
      what: 'the rule to go',
    });
  }

  /** Keeps everybody from storing findings. */
  async function holdFindings(): Promise<{ release(): Promise<void> }> {
    const client = new Client({ connectionString: host.database.url });
    await client.connect();
    await client.query('begin');
    await client.query('lock table ip_tracking.suspicious_ip in share mode');
    return { release: () => client.end() };
  }

  async function blockedOnRow(): Promise<void> {
    await eventually(
      async () => {
        const rows = await host.database.query(
          `select from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and wait_event in ('transactionid', 'tuple')`,
        );
        return rows.length === 1;
      },
      { what: 'one to wait for the row of the finding' },
    );
  }
});
