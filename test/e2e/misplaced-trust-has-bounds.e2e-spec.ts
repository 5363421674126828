import { describe, expect, it, onTestFinished } from 'vitest';
import { IpRuleService, type ClientIpOptions, type IpTrackingOptions } from '../../src/index.js';
import { auditOf, bansOf, startBanningHost, storedBan } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, type Host } from '../support/host-app.js';

const VICTIM = '203.0.113.7';
/** A whole private network is trusted, in which there are also clients. */
const WIDE: ClientIpOptions = { strategy: 'trusted-proxies', proxies: ['127.0.0.1', '10.0.0.0/8'] };
/** One proxy too many is counted. */
const TOO_MANY_HOPS: ClientIpOptions = { strategy: 'hops', hops: 2 };

describe.each(ADAPTERS)('where too much is trusted, on %s,', (adapter) => {
  const said: string[] = [];
  const started = async (
    clientIp: ClientIpOptions,
    options: Partial<IpTrackingOptions> = {},
  ): Promise<Host> => {
    said.length = 0;
    const host = await startBanningHost(
      adapter,
      { stateDir: false, clientIp, ...options },
      {
        logger: {
          log: () => undefined,
          warn: (message: unknown) => void said.push(String(message)),
          error: () => undefined,
        },
      },
    );
    onTestFinished(() => host.close());
    return host;
  };
  /** As the proxy passes on what `client` sends, who wrote `forged` before it. */
  const through = async (host: Host, client: string, forged = '', path = '/'): Promise<number> => {
    const from = forged === '' ? client : `${forged}, ${client}`;
    return (await host.send({ path, from, headers: { 'user-agent': 'curl/8' } })).status;
  };

  it.each([
    ['0.0.0.0/0'],
    ['::/0'],
    ['0.0.0.0/1', '128.0.0.0/1'],
    ['::/1', '8000::/1'],
    ['::ffff:0:0/95'],
  ])('nothing starts that believes everybody: %s', async (...proxies) => {
    await expect(started({ strategy: 'trusted-proxies', proxies })).rejects.toMatchObject({
      code: 'IPT_TRUST_ALL_PROXIES',
    });
  });

  it('a client from outside who forges is the one that is banned', async () => {
    const host = await started(WIDE);
    expect(await through(host, '198.51.100.66', VICTIM, '/.env')).toBe(404);
    expect(await through(host, '198.51.100.66', '198.51.100.200')).toBe(403);
    // Also with an address of the trusted network before it, and with headers that nobody believes.
    expect(await through(host, '198.51.100.67', `${VICTIM}, 10.0.0.9`, '/.env')).toBe(404);
    expect(await through(host, '198.51.100.67')).toBe(403);
    await host.send({
      path: '/.env',
      from: '198.51.100.68',
      headers: {
        forwarded: `for=${VICTIM}`,
        'x-real-ip': VICTIM,
        'x-client-ip': VICTIM,
        'cf-connecting-ip': VICTIM,
        'true-client-ip': VICTIM,
      },
    });
    expect(await through(host, '198.51.100.68')).toBe(403);
    expect(await through(host, VICTIM)).toBe(200);
    await storedBan(host, '198.51.100.68');
    expect((await bansOf(host)).map(({ network }) => network).toSorted()).toEqual([
      '198.51.100.66/32',
      '198.51.100.67/32',
      '198.51.100.68/32',
    ]);
  });

  it.each([
    ['a client in a network that is trusted', WIDE, '10.1.2.3'],
    ['a client where one hop too many is counted', TOO_MANY_HOPS, '198.51.100.66'],
  ])(
    '%s can have others banned: twenty an hour, and none who is protected',
    async (_, clientIp, forger) => {
      const host = await started(clientIp, { detection: { neverBlock: ['192.0.2.0/24'] } });
      await host.app.get(IpRuleService).allow('203.0.113.200');
      const forge = (victim: string) => through(host, forger, victim, '/.env');
      const isRefused = async (victim: string): Promise<boolean> =>
        (await through(host, forger, victim)) === 403;
      for (const spared of ['203.0.113.200', '192.0.2.77', '127.0.0.1']) {
        expect(await forge(spared)).toBe(404);
        expect(await isRefused(spared)).toBe(false);
      }
      let refused = 0;
      for (let victim = 1; victim <= 40; victim += 1) {
        expect(await forge(`203.0.113.${victim}`)).toBe(404);
        if (await isRefused(`203.0.113.${victim}`)) refused += 1;
      }
      expect(refused).toBe(20);
      expect(said.filter((line) => line.includes('have been banned within an hour'))).toHaveLength(
        1,
      );
      await eventually(async () => (await bansOf(host)).length === 20, { what: 'the bans' });

      // Who is pardoned cannot be had banned again for an hour.
      expect(await isRefused(VICTIM)).toBe(true);
      await host.app.get(IpRuleService).unblock(VICTIM, { by: 'ada' });
      for (let time = 0; time < 3; time += 1) {
        expect(await forge(VICTIM)).toBe(404);
        expect(await isRefused(VICTIM)).toBe(false);
      }
      expect(await auditOf(host, VICTIM)).toEqual(['ban ban', 'pardon']);
    },
  );

  it('whoever is in a network that is trusted is a proxy like any, and never banned', async () => {
    const host = await started(WIDE);
    expect(await through(host, '10.1.2.3', '', '/.env')).toBe(404);
    expect(await through(host, '10.1.2.3')).toBe(200);
    expect(await through(host, '198.51.100.66', '', '/.env')).toBe(404);
    await storedBan(host, '198.51.100.66');
    expect(await bansOf(host)).toHaveLength(1);
  });

  it('a public network that is far wider than any proxies is warned of', async () => {
    await started({ strategy: 'trusted-proxies', proxies: ['127.0.0.1', '16.0.0.0/4'] });
    expect(
      said.some((line) => line.includes('any host there can write the address it likes')),
    ).toBe(true);
  });
});
