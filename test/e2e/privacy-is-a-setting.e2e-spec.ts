import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ClientIpResolver,
  IpRuleService,
  type GeoPlace,
  type IpTrackingOptions,
} from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';

const KEY = 'a key of thirty-two bytes or more';
const ADDRESS = '81.2.69.142';

@Controller()
class Routes {
  @Get('page')
  page() {
    return 'a page';
  }
}

describe.each(ADAPTERS)('on %s', (adapter: Adapter) => {
  let host: Host;

  const start = async (options: Partial<IpTrackingOptions>) => {
    host = await startHost({
      adapter,
      controllers: [Routes],
      options: {
        geo: { provider: { name: 'fixed', lookup: () => ({ country: 'DE', city: 'Kiel' }) } },
        ...options,
      },
    });
  };
  afterEach(() => host.close());

  const request = () =>
    host.send({
      from: ADDRESS,
      path: '/page?view=all&token=secret',
      headers: { 'user-agent': 'curl/8' },
    });

  it('keeps the address and the user agent, and no query string, by default', async () => {
    await start({});
    await request();
    expect(await host.rows(1)).toMatchObject([
      { ip_address: ADDRESS, user_agent: 'curl/8', path: '/page', country: 'DE', city: 'Kiel' },
    ]);
  });

  it.each([
    ['truncated', '81.2.69.0'],
    ['none', null],
  ] as const)('stores addresses %s, with the place of the real one', async (address, stored) => {
    await start({ privacy: { address, userAgent: false, query: ['view'] } });
    await request();
    expect(await host.rows(1)).toMatchObject([
      { ip_address: stored, user_agent: null, path: '/page?view=all', country: 'DE' },
    ]);
  });

  it('stores a hash that joins the requests of one client, and of no other', async () => {
    await start({ privacy: { address: 'hashed', key: KEY } });
    await request();
    await request();
    await host.send({ from: '81.2.69.143', path: '/page' });
    const hashes = (await host.rows(3)).map(({ ip_address: hash }) => hash!);
    expect(hashes.every((hash) => hash.startsWith('fd'))).toBe(true);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it.each([
    ['full', ['10.1.2.3/32', '81.2.69.142/32']],
    ['none', ['10.1.2.3/32']],
  ] as const)(
    'announces who seems to forward, where addresses are stored %s',
    async (address, expected) => {
      await start({ privacy: { address }, clientIp: { strategy: 'socket' } });
      const resolver = host.app.get(ClientIpResolver);
      for (const remoteAddress of [ADDRESS, '10.1.2.3']) {
        resolver.resolve({ remoteAddress, headers: { 'x-forwarded-for': '8.8.8.8' } });
      }
      const announced = async () => {
        const rows = await host.database.query<{ network: string }>(
          `select network::text from ip_tracking.protected_network where kind = 'forwarding peer' order by 1`,
        );
        return rows.map(({ network }) => network);
      };
      await eventually(async () => (await announced()).length === expected.length);
      expect(await announced()).toEqual(expected);
    },
  );

  it('goes by the real address at the door, whatever is stored', async () => {
    await start({ privacy: { address: 'none' }, rules: { blockCountries: ['SE'] } });
    await host.app.get(IpRuleService).block(ADDRESS);
    expect((await request()).status).toBe(403);
    expect((await host.send({ from: '81.2.69.143', path: '/page' })).status).toBe(200);
    const rows = await host.rows(2);
    expect(rows.map(({ outcome, ip_address: ip }) => [outcome, ip])).toEqual([
      ['blocked', null],
      ['served', null],
    ]);
  });

  it('waits with the row, not with the answer, for a place that comes later', async () => {
    let answer!: (place: GeoPlace) => void;
    const provider = {
      name: 'slow',
      lookup: () => new Promise<GeoPlace>((resolve) => (answer = resolve)),
    };
    await start({
      geo: { provider, lookupTimeoutMs: 10_000 },
      privacy: { address: 'none' },
      rules: { blockCountries: ['SE'] },
    });
    // Unknown is not Sweden, as long as nobody has said so.
    expect((await request()).status).toBe(200);
    answer({ country: 'SE', city: 'Lund' });
    expect(await host.rows(1)).toMatchObject([{ country: 'SE', city: 'Lund', ip_address: null }]);
    expect((await request()).status).toBe(403);
  });

  it('closes with the records that wait for a place', async () => {
    await start({
      geo: {
        provider: { name: 'hangs', lookup: () => new Promise<GeoPlace>(() => undefined) },
        lookupTimeoutMs: 300,
      },
    });
    expect((await request()).status).toBe(200);
    await host.app.close();
    const rows = await eventually(async () => {
      const found = await host.database.query(
        'select country, host(ip_address) as ip from ip_tracking.request_log',
      );
      return found.length > 0 && found;
    });
    expect(rows).toEqual([{ country: null, ip: ADDRESS }]);
  });
});
