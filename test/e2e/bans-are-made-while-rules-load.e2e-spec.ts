import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { IpRuleService, type IpTrackingOptions } from '../../src/index.js';
import { IpRuleRepository } from '../../src/rules/ip-rule.repository.js';
import { ServerPool } from '../faults/server-pool.js';
import {
  auditOf,
  banningHostAt,
  bansOf,
  startBanningHost,
  storedBan,
} from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host, type HostOptions } from '../support/host-app.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ATTACKER = '203.0.113.7';
const FRIEND = '203.0.113.8';
const SOMEBODY = '198.51.100.1';
const servers = new ServerPool();
afterAll(() => servers.close());

/** Loads of all rules that have read them, and are not over until they are let go. */
function slowLoads(): { letGo(): void; underWay(): Promise<unknown> } {
  let letGo = (): void => undefined;
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { stream } = IpRuleRepository.prototype;
  let underWay = 0;
  const spy = vi.spyOn(IpRuleRepository.prototype, 'stream').mockImplementation(async function (
    this: IpRuleRepository,
    onRows,
  ) {
    const version = await stream.call(this, onRows);
    underWay += 1;
    await isLetGo;
    return version;
  });
  onTestFinished(() => {
    letGo();
    spy.mockRestore();
  });
  return {
    letGo,
    underWay: () => eventually(() => underWay > 0, { what: 'the load' }),
  };
}

describe.each(ADAPTERS)('a ban on %s while the rules are being loaded', (adapter) => {
  const started = async (
    options: Partial<IpTrackingOptions>,
    more: Partial<HostOptions> = {},
  ): Promise<Host> => {
    const host = await startBanningHost(
      adapter,
      { rules: { startTimeoutMs: 300, pollIntervalMs: 500 }, ...options },
      more,
    );
    onTestFinished(() => host.close());
    return host;
  };
  const asking =
    (host: Host) =>
    async (path = '/', from = ATTACKER) =>
      (await host.send({ path, from })).status;
  /** Asks without a pause, until it is told to stop. @returns the statuses that there were */
  const askingOn = (ask: (path?: string) => Promise<number>) => {
    const statuses = new Set<number>();
    const until = new AbortController();
    const asked = (async () => {
      while (!until.signal.aborted) statuses.add(await ask());
    })();
    return async (): Promise<number[]> => {
      until.abort();
      await asked;
      return [...statuses];
    };
  };

  it('waits for whom they allow where none are known, and is made once they are', async () => {
    const first = await started({ stateDir: false });
    await first.app.get(IpRuleService).allow(FRIEND);
    const loads = slowLoads();
    const host = await started({ stateDir: false }, { database: first.database });
    const ask = asking(host);
    await loads.underWay();
    for (const from of [ATTACKER, FRIEND]) expect(await ask('/.env', from)).toBe(404);
    // Nobody knows yet who is allowed, and the options let in whom no rule names.
    expect([await ask(), await ask('/', FRIEND)]).toEqual([200, 200]);
    expect(await bansOf(first)).toEqual([]);
    loads.letGo();
    // Nothing more has to be asked for.
    await storedBan(host, ATTACKER);
    expect(await ask()).toBe(403);
    expect([await ask('/', FRIEND), await ask('/', SOMEBODY)]).toEqual([200, 200]);
    expect(await bansOf(host)).toHaveLength(1);
    expect(await auditOf(host, ATTACKER)).toEqual(['ban ban']);
  });

  it('is in force throughout where rules on disk are known, whatever the load has read, and once', async () => {
    const folder = temporaryFolder('state');
    onTestFinished(() => folder.remove());
    const stateDir = join(folder.path, 'state');
    const first = await started({ stateDir });
    const loads = slowLoads();
    const host = await started({ stateDir }, { database: first.database });
    const ask = asking(host);
    await loads.underWay();
    expect(await ask('/.env')).toBe(404);
    const stop = askingOn(ask);
    // Its row comes, and the notification of it, to a load that has read before.
    const rule = await storedBan(host, ATTACKER);
    loads.letGo();
    // The rules in memory have it: what the process held is let go, and nobody gets in between.
    await eventually(() => host.app.get(IpRuleService).decide(ATTACKER).ruleId === rule.id, {
      what: 'the stored rule to act',
    });
    expect(await stop()).toEqual([403]);
    expect(await bansOf(host)).toHaveLength(1);
    expect(await auditOf(host, ATTACKER)).toEqual(['ban ban']);
    expect(await ask('/', SOMEBODY)).toBe(200);
  });

  it('is ended by a pardon, and does not come back with what the load has read', async () => {
    const folder = temporaryFolder('state');
    onTestFinished(() => folder.remove());
    const stateDir = join(folder.path, 'state');
    const first = await started({ stateDir });
    // The load that is slow has read the rule of this one.
    await first.send({ path: '/.env', from: FRIEND });
    await storedBan(first, FRIEND);
    const loads = slowLoads();
    const host = await started({ stateDir }, { database: first.database });
    const ask = asking(host);
    await loads.underWay();
    await ask('/.env');
    await storedBan(host, ATTACKER);
    expect(await ask()).toBe(403);
    const rules = host.app.get(IpRuleService);
    const unblocked = [ATTACKER, FRIEND].map((from) => rules.unblock(from, { by: 'ada' }));
    await eventually(async () => (await bansOf(first)).length === 0, { what: 'the pardons' });
    await eventually(async () => (await ask()) === 200, { what: 'the end of what is held' });
    const stop = askingOn(ask);
    loads.letGo();
    for (const removed of await Promise.all(unblocked)) expect(removed).toHaveLength(1);
    expect([await ask(), await ask('/', FRIEND)]).toEqual([200, 200]);
    expect(await stop()).toEqual([200]);
    expect(await auditOf(host, ATTACKER)).toEqual(['ban ban', 'pardon']);
  });

  it('is made, and can be pardoned, once a database is there that was not at the boot', async () => {
    const server = await servers.take();
    onTestFinished(() => server.giveBack());
    await server.stop('immediate');
    const host = await banningHostAt(server.url, adapter, { stateDir: false });
    const ask = asking(host);
    expect([await ask('/.env'), await ask()]).toEqual([404, 200]);
    await server.start();
    await eventually(() => storedBan(host, ATTACKER).catch(() => undefined), {
      withinMs: 40_000,
      what: 'the ban',
    });
    expect(await ask()).toBe(403);
    expect(await auditOf(host, ATTACKER)).toEqual(['ban ban']);
    await host.app.get(IpRuleService).unblock(ATTACKER, { by: 'ada' });
    expect(await ask()).toBe(200);
  }, 120_000);
});
