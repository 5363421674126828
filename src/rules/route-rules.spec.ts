import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { describeRoute, PLAIN_ROUTE, type RouteRules } from '../edge/route-description.js';
import { parseIp } from '../net/ip-address.js';
import { parsePrefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import {
  AllowCountries,
  AllowIps,
  AllowlistOnly,
  BlockCountries,
  BlockIps,
  SkipIpRules,
} from './decorators.js';
import { routeRefuses } from './route-rules.js';

const ips = (...networks: string[]) =>
  PrefixSet.from(networks.map((network) => [parsePrefix(network)!, true] as const));
const rulesOf = (given: Partial<RouteRules> = {}): RouteRules => ({
  allowlistOnly: false,
  allowIps: null,
  blockIps: null,
  allowCountries: null,
  blockCountries: null,
  ...given,
});
const office = ips('203.0.113.0/24');
const germany = new Set(['DE']);

describe('routeRefuses', () => {
  it.each<[string, Partial<RouteRules>, string | null, string | null, boolean, boolean]>([
    // What it is about, the route's rules, address, country, on the allow list, refused.
    ['no rules', {}, '198.51.100.1', 'FR', false, false],
    ['no rules and nothing known', {}, null, null, false, false],
    ['a blocked address', { blockIps: office }, '203.0.113.7', null, false, true],
    ['another address', { blockIps: office }, '198.51.100.1', null, false, false],
    [
      'the same address as IPv4-mapped',
      { blockIps: office },
      '::ffff:203.0.113.7',
      null,
      false,
      true,
    ],
    ['no address, of which none is blocked', { blockIps: office }, null, null, false, false],
    ['an allowed address', { allowIps: office }, '203.0.113.7', null, false, false],
    ['one that is not among the allowed', { allowIps: office }, '198.51.100.1', null, false, true],
    ['no address, which is not among the allowed', { allowIps: office }, null, null, false, true],
    [
      'blocked within allowed',
      { allowIps: office, blockIps: ips('203.0.113.7') },
      '203.0.113.7',
      null,
      false,
      true,
    ],
    [
      'allowed within blocked',
      { allowIps: ips('203.0.113.7'), blockIps: office },
      '203.0.113.7',
      null,
      false,
      true,
    ],
    [
      'beside the blocked, allowed',
      { allowIps: office, blockIps: ips('203.0.113.7') },
      '203.0.113.8',
      null,
      false,
      false,
    ],
    ['on the allow list', { allowlistOnly: true }, '198.51.100.1', null, true, false],
    ['not on the allow list', { allowlistOnly: true }, '198.51.100.1', null, false, true],
    [
      'the allow list lifts no route’s own block',
      { blockIps: office },
      '203.0.113.7',
      null,
      true,
      true,
    ],
    [
      'the allow list widens no route’s own list',
      { allowIps: office },
      '198.51.100.1',
      null,
      true,
      true,
    ],
    [
      'allowed here, but not on the list',
      { allowIps: office, allowlistOnly: true },
      '203.0.113.7',
      null,
      false,
      true,
    ],
    ['a blocked country', { blockCountries: germany }, '198.51.100.1', 'DE', false, true],
    ['another country', { blockCountries: germany }, '198.51.100.1', 'FR', false, false],
    [
      'an unknown country is not blocked',
      { blockCountries: germany },
      '198.51.100.1',
      null,
      false,
      false,
    ],
    ['an allowed country', { allowCountries: germany }, '198.51.100.1', 'DE', false, false],
    [
      'a country that is not allowed',
      { allowCountries: germany },
      '198.51.100.1',
      'FR',
      false,
      true,
    ],
    [
      'an unknown country is not allowed',
      { allowCountries: germany },
      '198.51.100.1',
      null,
      false,
      true,
    ],
    [
      'blocked and allowed: block wins',
      { allowCountries: germany, blockCountries: germany },
      null,
      'DE',
      false,
      true,
    ],
    [
      'neither blocked nor allowed',
      { allowCountries: germany, blockCountries: new Set(['FR']) },
      null,
      'US',
      false,
      true,
    ],
    [
      'an allowed address of a blocked country',
      { allowIps: office, blockCountries: germany },
      '203.0.113.7',
      'DE',
      false,
      true,
    ],
  ])('%s', (_, rules, ip, country, isAllowlisted, expected) => {
    const client = {
      ip: ip === null ? null : parseIp(ip),
      isAllowlisted: () => isAllowlisted,
      country: () => country,
    };
    expect(routeRefuses(rulesOf(rules), client)).toBe(expected);
  });

  it('refuses exactly whom one of its decorators refuses', () => {
    const countries = fc.option(fc.constantFrom(new Set(['DE']), new Set(['FR', 'DE'])), {
      nil: null,
    });
    const networks = fc.option(fc.constantFrom(office, ips('203.0.113.7'), ips('2001:db8::/32')), {
      nil: null,
    });
    const rules = fc.record({
      skipsRules: fc.constant(false),
      allowlistOnly: fc.boolean(),
      allowIps: networks,
      blockIps: networks,
      allowCountries: countries,
      blockCountries: countries,
    });
    const client = fc.record({
      address: fc.constantFrom(null, '203.0.113.7', '203.0.113.8', '2001:db8::1', '198.51.100.1'),
      country: fc.constantFrom(null, 'DE', 'FR', 'US'),
      isListed: fc.boolean(),
    });
    fc.assert(
      fc.property(rules, client, (route, { address, country, isListed }) => {
        const ip = address === null ? null : parseIp(address);
        const isIn = (set: PrefixSet<true>) => ip !== null && set.has(ip);
        const refusals = [
          route.allowIps !== null && !isIn(route.allowIps),
          route.blockIps !== null && isIn(route.blockIps),
          route.allowlistOnly && !isListed,
          route.allowCountries !== null && !(country !== null && route.allowCountries.has(country)),
          route.blockCountries !== null && country !== null && route.blockCountries.has(country),
        ];
        const asked = { ip, isAllowlisted: () => isListed, country: () => country };
        expect(routeRefuses(route, asked)).toBe(refusals.includes(true));
      }),
      { numRuns: 5_000 },
    );
  });

  it('looks nobody’s country up in vain', () => {
    const country = vi.fn<() => string | null>(() => 'DE');
    const client = { ip: parseIp('203.0.113.7'), isAllowlisted: () => false, country };
    routeRefuses(rulesOf({ allowIps: office }), client);
    routeRefuses(rulesOf({ blockIps: office, blockCountries: germany }), client);
    expect(country).not.toHaveBeenCalled();
  });
});

class Plain {
  open(): void {}
}

@AllowIps('203.0.113.0/24')
@BlockCountries('FR')
@AllowlistOnly()
class Guarded {
  inherits(): void {}

  @AllowIps('198.51.100.0/24')
  @BlockIps('198.51.100.7')
  @AllowCountries('DE')
  narrows(): void {}

  @SkipIpRules()
  skips(): void {}
}

class Derived extends Plain {}
AllowlistOnly()(Derived);

describe('what is described of a route', () => {
  const read = (controller: typeof Plain | typeof Guarded, method: string) =>
    describeRoute(
      (controller.prototype as unknown as Record<string, Function>)[method]!,
      controller,
    );

  it('is nothing where nothing is written', () => {
    expect(read(Plain, 'open')).toBe(PLAIN_ROUTE);
  });

  it('is of a handler what its controller says', () => {
    const { rules } = read(Guarded, 'inherits');
    expect(rules?.allowIps?.has(parseIp('203.0.113.7')!)).toBe(true);
    expect(rules).toMatchObject({ allowlistOnly: true, blockIps: null, allowCountries: null });
    expect([...rules!.blockCountries!]).toEqual(['FR']);
  });

  it('is what a handler’s decorator says in place of its controller’s, each for itself', () => {
    const { rules, skipsRules } = read(Guarded, 'narrows');
    expect(rules?.allowIps?.has(parseIp('203.0.113.7')!)).toBe(false);
    expect(rules?.allowIps?.has(parseIp('198.51.100.1')!)).toBe(true);
    expect(rules?.blockIps?.has(parseIp('198.51.100.7')!)).toBe(true);
    expect([...rules!.allowCountries!]).toEqual(['DE']);
    expect([...rules!.blockCountries!]).toEqual(['FR']);
    expect(skipsRules).toBe(false);
  });

  it('is the exemption of a handler', () => {
    expect(read(Guarded, 'skips').skipsRules).toBe(true);
  });

  it('keeps two controllers apart that inherit one method, and is read once for each', () => {
    const { open } = Plain.prototype;
    expect(describeRoute(open, Plain).rules).toBeNull();
    expect(describeRoute(open, Derived).rules?.allowlistOnly).toBe(true);
    expect(describeRoute(open, Derived)).toBe(describeRoute(open, Derived));
  });
});
