import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processorMs } from '../../test/support/processor-time.js';
import {
  type ClientIpHeaders,
  type ClientIpOptions,
  type ClientIpPreset,
  type ClientIpResolver,
  createClientIpResolver,
} from './client-ip.js';
import { parseIp } from './ip-address.js';
import { isUnspecified } from './special-ranges.js';

/*
 * Whatever a client sends, the answer is what honest proxies saw. First as a model: a client with hostile headers, a
 * chain of proxies that do what the software of that name does, and the resolver behind them. Then attack by attack.
 */
const PROXIES = ['10.0.0.0/8', '2001:db8:ffff::/48'];
const EDGE = '173.245.48.9';
const FASTLY = '151.101.1.9';
const FRONT_END = '35.191.4.5';
const BALANCER = '203.0.113.80';
const VICTIM = '6.6.6.6';

/** The lines of each header, as they go over the wire. */
type Wire = Record<string, string[]>;
/** What one proxy makes of a request, given the address that connected to it. */
type Hop = (wire: Wire, from: string) => void;

const append =
  (header: string, write: (from: string) => string, glue: ', ' | ',' | 'a line'): Hop =>
  (wire, from) => {
    const lines = wire[header] ?? [];
    const entry = write(from);
    if (glue === 'a line' || lines.length === 0) wire[header] = [...lines, entry];
    else wire[header] = [[...lines, entry].join(glue)];
  };

const overwrite =
  (header: string): Hop =>
  (wire, from) => {
    wire[header] = [from];
  };

/** Node joins the lines of any header but a few with `, `. */
function received(wire: Wire, asLines: boolean): ClientIpHeaders {
  return Object.fromEntries(
    Object.entries(wire).map(([name, lines]) => [name, asLines ? lines : lines.join(', ')]),
  );
}

const isV6 = (address: string) => address.includes(':');
const mapped = (address: string) => (isV6(address) ? address : `::ffff:${address}`);
const bracketed = (address: string) => (isV6(address) ? `[${address}]` : address);

const spelling = fc.constantFrom<(address: string) => string>(
  (address) => address,
  (address) => `${bracketed(address)}:4711`,
  (address) => address.toUpperCase(),
  (address) => (isV6(address) ? `[${address}]` : `[::ffff:${address}]:80`),
  (address) => ` \t${mapped(address)} `,
);
const glue = fc.constantFrom<', ' | ',' | 'a line'>(', ', ',', 'a line');

const listHop = fc
  .tuple(spelling, glue)
  .map(([spell, glued]) => append('x-forwarded-for', spell, glued));

const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
/** A proxy that repeats the client's own Host, quoted as it must be. */
const forwardedHop = fc
  .tuple(fc.string({ unit: fc.constantFrom(...'",;=\\ a', VICTIM), maxLength: 8 }), glue)
  .map(([host, glued]) =>
    append('forwarded', (from) => `host=${quote(host)};for="${bracketed(from)}"`, glued),
  );

const piece = fc.constantFrom(
  ...'"\\,;= \t\u00a0\u000b[]:%./-',
  ...`${VICTIM} 127.0.0.1 10.0.0.9 ::1 ::ffff:10.0.0.9 ${EDGE} ${FRONT_END} ${BALANCER}`.split(' '),
  ...'for= For=" unknown _hidden unix: 010.0.0.9 0x7f.1 fe80::1%eth0 :80'.split(' '),
);
const hostile = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
const HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'cf-connecting-ip', 'x-client-ip'];
const forged = fc
  .array(fc.tuple(fc.constantFrom(...HEADERS), fc.array(hostile, { minLength: 1, maxLength: 3 })))
  .map((entries) => Object.fromEntries<string[]>(entries));

const preset = (name: ClientIpPreset, proxies?: string[]) =>
  createClientIpResolver({ strategy: 'preset', preset: name, proxies });
const behindProxies = createClientIpResolver({ strategy: 'trusted-proxies', proxies: PROXIES });
const behindNginx = preset('nginx');
const behindCloudflare = preset('cloudflare', ['10.0.0.0/8']);
const behindFastly = preset('fastly');
const behindGoogle = preset('google-lb', ['10.0.0.0/8']);
const RESOLVERS = [behindProxies, behindNginx, behindCloudflare, behindFastly, behindGoogle];

/** An address that nobody here takes for a proxy. */
const client = fc
  .oneof(
    fc.constantFrom('192.0.2.1', '198.51.100.7', '192.168.1.9', '100.64.0.1', '2001:db8::7'),
    fc.ipV4(),
    fc.ipV6(),
  )
  .filter((text) => {
    const ip = parseIp(text)!;
    return !isUnspecified(ip) && !RESOLVERS.some((resolver) => resolver.isTrustedProxy(ip));
  });

/** Sends a request of a client through proxies, each of which sees the address of the one before. */
function through(
  wire: Wire,
  from: string,
  hops: readonly (readonly [address: string, hop: Hop])[],
) {
  let peer = from;
  for (const [address, hop] of hops) {
    hop(wire, peer);
    peer = address;
  }
  return peer;
}

function clientOf(resolver: ClientIpResolver, wire: Wire, peer: string, asLines: boolean) {
  const headers = received(wire, asLines);
  return resolver.resolve({ remoteAddress: peer, headers }).ip?.toString();
}

const canonical = (address: string) => parseIp(address)!.toString();

const proxy = fc.constantFrom('10.0.0.1', '10.200.3.4', '2001:db8:ffff::5', '10.0.0.1');
const chain = (hop: fc.Arbitrary<Hop>) =>
  fc.array(fc.tuple(proxy, hop), { minLength: 1, maxLength: 4 });
const RUNS = { numRuns: 3_000 };

describe('behind honest proxies, whatever the client sends', () => {
  it.each([
    ['x-forwarded-for', listHop],
    ['forwarded', forwardedHop],
  ] as const)('trusted-proxies and hops with %s name the client', (header, hop) => {
    const options = { strategy: 'trusted-proxies', proxies: PROXIES, header } as const;
    const listed = createClientIpResolver(options);
    const counted = [0, 1, 2, 3, 4].map((hops) =>
      createClientIpResolver({ strategy: 'hops', hops, header }),
    );
    fc.assert(
      fc.property(forged, client, chain(hop), fc.boolean(), (wire, from, hops, asLines) => {
        const peer = through(wire, from, hops);
        expect(clientOf(listed, wire, peer, asLines)).toBe(canonical(from));
        expect(clientOf(counted[hops.length]!, wire, peer, asLines)).toBe(canonical(from));
      }),
      RUNS,
    );
  });

  it('header names the client', () => {
    const options = { strategy: 'header', header: 'X-Client-IP', proxies: PROXIES } as const;
    const resolver = createClientIpResolver(options);
    fc.assert(
      fc.property(forged, client, proxy, fc.boolean(), (wire, from, address, asLines) => {
        const peer = through(wire, from, [[address, overwrite('x-client-ip')]]);
        expect(clientOf(resolver, wire, peer, asLines)).toBe(canonical(from));
      }),
      RUNS,
    );
  });

  it('preset nginx names the client, also one on this host', () => {
    const anyone = fc.oneof(client, fc.constantFrom('127.0.0.1', '127.9.9.9', '::1'));
    fc.assert(
      fc.property(forged, anyone, listHop, fc.boolean(), (wire, from, hop, asLines) => {
        const nginx: Hop = (request, seen) => {
          overwrite('x-real-ip')(request, seen);
          hop(request, seen);
        };
        const peer = through(wire, from, [['127.0.0.1', nginx]]);
        expect(clientOf(behindNginx, wire, peer, asLines)).toBe(canonical(from));
      }),
      RUNS,
    );
  });

  it('preset cloudflare names the client, also behind an own proxy', () => {
    fc.assert(
      fc.property(
        forged,
        client,
        fc.option(listHop, { nil: null }),
        fc.boolean(),
        (wire, from, own, asLines) => {
          const edge: Hop = (request, seen) => {
            overwrite('cf-connecting-ip')(request, seen);
            append('x-forwarded-for', (address) => address, ', ')(request, seen);
          };
          const peer = through(wire, from, [
            [EDGE, edge],
            ...(own ? [['10.0.0.1', own] as const] : []),
          ]);
          expect(clientOf(behindCloudflare, wire, peer, asLines)).toBe(canonical(from));
        },
      ),
      RUNS,
    );
  });

  it('preset fastly names the client, also behind a shield', () => {
    fc.assert(
      fc.property(forged, client, listHop, listHop, fc.boolean(), (wire, from, a, b, asLines) => {
        const peer = through(wire, from, [
          [FASTLY, a],
          ['146.75.0.9', b],
        ]);
        expect(clientOf(behindFastly, wire, peer, asLines)).toBe(canonical(from));
      }),
      RUNS,
    );
  });

  it('preset google-lb names the client, also behind an own proxy', () => {
    fc.assert(
      fc.property(
        forged,
        client,
        fc.option(listHop, { nil: null }),
        fc.boolean(),
        (wire, from, own, asLines) => {
          const frontEnd = append('x-forwarded-for', (seen) => `${seen},${BALANCER}`, ',');
          const hops = [
            [FRONT_END, frontEnd] as const,
            ...(own ? [['10.0.0.1', own] as const] : []),
          ];
          expect(clientOf(behindGoogle, wire, through(wire, from, hops), asLines)).toBe(
            canonical(from),
          );
        },
      ),
      RUNS,
    );
  });
});

describe('past the proxies, whatever the client sends', () => {
  const resolvers: [string, ClientIpOptions][] = [
    ['socket', { strategy: 'socket' }],
    ['trusted-proxies', { strategy: 'trusted-proxies', proxies: PROXIES }],
    ['forwarded', { strategy: 'trusted-proxies', proxies: PROXIES, header: 'forwarded' }],
    ['header', { strategy: 'header', header: 'X-Client-IP', proxies: PROXIES }],
    ['nginx', { strategy: 'preset', preset: 'nginx' }],
    ['cloudflare', { strategy: 'preset', preset: 'cloudflare', proxies: ['10.0.0.0/8'] }],
    ['fastly', { strategy: 'preset', preset: 'fastly' }],
    ['google-lb', { strategy: 'preset', preset: 'google-lb' }],
    ['aws-alb', { strategy: 'preset', preset: 'aws-alb', proxies: ['10.0.0.0/24'] }],
    ['cloudfront', { strategy: 'preset', preset: 'cloudfront', proxies: ['10.0.0.0/24'] }],
  ];

  it.each(resolvers)('%s takes the peer', (_, options) => {
    const resolver = createClientIpResolver(options);
    fc.assert(
      fc.property(forged, client, fc.boolean(), (wire, from, asLines) => {
        expect(clientOf(resolver, wire, from, asLines)).toBe(canonical(from));
        const answer = resolver.resolve({ remoteAddress: from, headers: received(wire, asLines) });
        expect(answer).toMatchObject({ source: 'socket', trusted: false });
      }),
      { ...RUNS, numRuns: 1_000 },
    );
  });

  it('through the last proxy alone, trusted-proxies still names the client', () => {
    fc.assert(
      fc.property(forged, client, listHop, fc.boolean(), (wire, from, hop, asLines) => {
        const peer = through(wire, from, [['10.0.0.2', hop]]);
        expect(clientOf(behindProxies, wire, peer, asLines)).toBe(canonical(from));
        const claimed = { ...wire, 'cf-connecting-ip': [VICTIM] };
        expect(clientOf(behindCloudflare, claimed, peer, asLines)).toBe(canonical(from));
      }),
      RUNS,
    );
  });
});

/** The answer to a request from a trusted proxy as `address source`. */
function answer(options: ClientIpOptions, headers: unknown, peer = '10.0.0.1'): string {
  const resolver = createClientIpResolver(options);
  const { ip, source } = resolver.resolve({
    remoteAddress: peer,
    headers: headers as ClientIpHeaders,
  });
  return `${ip?.toString() ?? 'nobody'} ${source}`;
}

const trusted = { strategy: 'trusted-proxies', proxies: PROXIES } as const;
const trustedForwarded = { ...trusted, header: 'forwarded' } as const;
const realIp = { strategy: 'header', header: 'X-Real-IP', proxies: PROXIES } as const;
const nginx = { strategy: 'preset', preset: 'nginx', proxies: PROXIES } as const;

describe('an entry that is no address', () => {
  // Each stands where the proxy should have put the client: the answer is the proxy, never what is left of it.
  it.each([
    ['unknown', 'unknown'],
    ['upper-case unknown', 'UNKNOWN'],
    ['an obfuscated name', '_gazonk'],
    ['an obfuscated name with a port', '_gazonk:80'],
    ['a UNIX socket', 'unix:'],
    ['a host name', 'localhost'],
    ['undefined', 'undefined'],
    ['null', 'null'],
    ['a hyphen', '-'],
    ['octal', '0300.0.2.1'],
    ['decimal', '3221225985'],
    ['hexadecimal', '0xc0000201'],
    ['three octets', '192.0.513'],
    ['an octet of 355', '192.0.2.355'],
    ['a no-break space after', '192.0.2.1\u00a0'],
    ['a no-break space before', '\u00a0192.0.2.1'],
    ['a vertical tab', '192.0.2.1\u000b'],
    ['a form feed', '\f192.0.2.1'],
    ['an ideographic space', '\u3000192.0.2.1'],
    ['a zero-width space', '192.0.2.1\u200b'],
    ['a byte order mark', '\ufeff192.0.2.1'],
    ['full-width digits', '１９２.0.2.1'],
    ['an ideographic full stop', '192。0.2.1'],
    ['NUL', '192.0.2.1\0'],
    ['a line break', '192.0.2.1\r\n'],
    ['two addresses with a space', `${VICTIM} 192.0.2.1`],
    ['two addresses with a semicolon', `${VICTIM};192.0.2.1`],
    ['a prefix', '192.0.2.0/24'],
    ['a URL', 'http://192.0.2.1'],
    ['brackets around IPv4', '[192.0.2.1]'],
    ['a bracket left open', '[2001:db8::1'],
    ['brackets in brackets', '[[2001:db8::1]]'],
    ['text after brackets', '[2001:db8::1]x'],
    ['an empty port', '192.0.2.1:'],
    ['a port past 65535', '192.0.2.1:65536'],
    ['two ports', '192.0.2.1:80:80'],
    ['a negative port', '192.0.2.1:-80'],
    ['a zone', 'fe80::1%eth0'],
    ['a zone in brackets', '[fe80::1%25eth0]:80'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '[::]:80'],
    ['mapped 0.0.0.0', '::ffff:0:0'],
    ['quotes', '"192.0.2.1"'],
    ['single quotes', "'192.0.2.1'"],
  ])('%s names nobody', (_, entry) => {
    const list = `${VICTIM}, ${entry}`;
    expect(answer(trusted, { 'x-forwarded-for': list })).toBe('10.0.0.1 socket');
    expect(answer(trusted, { 'x-forwarded-for': [VICTIM, entry] })).toBe('10.0.0.1 socket');
    expect(answer(trusted, { 'x-forwarded-for': `${list}, 10.0.0.2` })).toBe(
      '10.0.0.2 x-forwarded-for',
    );
    expect(answer({ strategy: 'hops', hops: 1 }, { 'x-forwarded-for': list })).toBe(
      '10.0.0.1 socket',
    );
    expect(answer(realIp, { 'x-real-ip': entry, 'x-forwarded-for': VICTIM })).toBe(
      '10.0.0.1 socket',
    );
    expect(answer(nginx, { 'x-real-ip': entry })).toBe('10.0.0.1 socket');
    expect(answer(nginx, { 'x-real-ip': entry, 'x-forwarded-for': list })).toBe('10.0.0.1 socket');
    expect(
      answer({ strategy: 'preset', preset: 'cloudflare' }, { 'cf-connecting-ip': entry }, EDGE),
    ).toBe(`${EDGE} socket`);
    expect(
      answer(
        { strategy: 'preset', preset: 'google-lb' },
        { 'x-forwarded-for': `${list},${BALANCER}` },
        FRONT_END,
      ),
    ).toBe(`${FRONT_END} socket`);
    const element = `for=${VICTIM}, for=${/["\\]/.test(entry) ? `"\\"${entry}` : `"${entry}"`}`;
    expect(answer(trustedForwarded, { forwarded: element }).split(' ')[0]).not.toBe(VICTIM);
  });
});

describe('a header that holds one address', () => {
  it.each([
    ['twice, as lines', [VICTIM, '192.0.2.1']],
    ['twice, as Node joins lines', `${VICTIM}, 192.0.2.1`],
    ['twice, the proxy first', `192.0.2.1, ${VICTIM}`],
    ['the same one twice', '192.0.2.1, 192.0.2.1'],
    ['a comma after', '192.0.2.1,'],
    ['a comma before', ',192.0.2.1'],
    ['no line', []],
    ['a line that is no text', [3221225985]],
    ['an object', { toString: (): string => VICTIM }],
  ])('%s: not believed', (_, value) => {
    expect(answer(realIp, { 'x-real-ip': value })).toBe('10.0.0.1 socket');
    expect(answer(nginx, { 'x-real-ip': value })).toBe('10.0.0.1 socket');
    expect(answer(nginx, { 'x-real-ip': value, 'x-forwarded-for': '192.0.2.1' })).toBe(
      '10.0.0.1 socket',
    );
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'a name that every object has, %s, is no header of the request',
    (header) => {
      const options = { strategy: 'header', header, proxies: PROXIES } as const;
      expect(answer(options, {})).toBe('10.0.0.1 socket');
      expect(answer(options, JSON.parse(`{"${header}":["${VICTIM}","${VICTIM}"]}`))).toBe(
        '10.0.0.1 socket',
      );
    },
  );
});

describe('names of headers', () => {
  // Node gives every name in lower case, so any other spelling was put there by somebody else.
  it.each([
    'X-Forwarded-For',
    'X-FORWARDED-FOR',
    'x_forwarded_for',
    'x-forwarded-for ',
    'xforwardedfor',
  ])('%j is not x-forwarded-for', (name) => {
    expect(answer(trusted, { [name]: VICTIM })).toBe('10.0.0.1 socket');
    expect(answer(trusted, { [name]: VICTIM, 'x-forwarded-for': '192.0.2.1' })).toBe(
      '192.0.2.1 x-forwarded-for',
    );
  });

  it('are given to the options in any case', () => {
    for (const header of ['x-real-ip', 'X-Real-IP', 'X-REAL-IP']) {
      expect(answer({ ...realIp, header }, { 'x-real-ip': '192.0.2.1' })).toBe(
        '192.0.2.1 x-real-ip',
      );
    }
  });
});

describe('commas, lines and empty entries', () => {
  it.each<readonly [what: string, value: string | string[], expected: string]>([
    [
      'a comma that a client leaves at the end',
      `${VICTIM},, 192.0.2.1`,
      '192.0.2.1 x-forwarded-for',
    ],
    ['commas only', `,,,,, 192.0.2.1`, '192.0.2.1 x-forwarded-for'],
    ['an empty line first', ['', '192.0.2.1'], '192.0.2.1 x-forwarded-for'],
    ['an empty line last', ['192.0.2.1', ''], '192.0.2.1 x-forwarded-for'],
    ['a comma last', '192.0.2.1,', '192.0.2.1 x-forwarded-for'],
    ['more of them than are reasonable', `192.0.2.1${','.repeat(40)}`, '10.0.0.1 socket'],
    ['no blank', `${VICTIM},192.0.2.1`, '192.0.2.1 x-forwarded-for'],
    ['tabs', `${VICTIM}\t,\t192.0.2.1\t`, '192.0.2.1 x-forwarded-for'],
    [
      'more lines than one thinks',
      [VICTIM, VICTIM, `${VICTIM}, 192.0.2.1`, '10.0.0.2'],
      '192.0.2.1 x-forwarded-for',
    ],
    [
      'a mapped proxy',
      `${VICTIM}, 192.0.2.1, ::ffff:10.0.0.2, ::FFFF:a00:3`,
      '192.0.2.1 x-forwarded-for',
    ],
    [
      'a proxy as IPv4-compatible, which is none',
      `${VICTIM}, ::10.0.0.2`,
      '::a00:2 x-forwarded-for',
    ],
    [
      'a proxy as NAT64, which is none',
      `${VICTIM}, 64:ff9b::10.0.0.2`,
      '64:ff9b::a00:2 x-forwarded-for',
    ],
    ['a proxy in octal, which is none', `${VICTIM}, 012.0.0.2`, '10.0.0.1 socket'],
  ])('%s', (_, value, expected) => {
    expect(answer(trusted, { 'x-forwarded-for': value })).toBe(expected);
  });

  it('of 65,536 proxies in a list the client is one of the last', () => {
    const list = `${VICTIM}, ${'10.0.0.2,'.repeat(65_536)}10.0.0.3`;
    expect(answer(trusted, { 'x-forwarded-for': list })).toBe('10.0.0.2 x-forwarded-for');
  });
});

describe('quotes that a client opens in Forwarded', () => {
  it.each([
    'for="',
    `for="${VICTIM}`,
    `for=${VICTIM};host="`,
    `for="${VICTIM}\\"`,
    `for="${VICTIM}\\\\`,
    `"`,
    `for=${VICTIM}, for="10.0.0.9`,
    `for="[${VICTIM}`,
    `for=${VICTIM};;;"`,
  ])('%s', (left) => {
    for (const [element, expected] of [
      ['for=192.0.2.1', '192.0.2.1'],
      ['for="[2001:db8::1]:80";proto=https', '2001:db8::1'],
      [`host="${VICTIM}";for="192.0.2.1:4711"`, '192.0.2.1'],
    ] as const) {
      expect(answer(trustedForwarded, { forwarded: `${left}, ${element}` })).toBe(
        `${expected} forwarded`,
      );
      expect(answer(trustedForwarded, { forwarded: [left, element] })).toBe(
        `${expected} forwarded`,
      );
      expect(answer(trustedForwarded, { forwarded: `${left}, ${element}, for=10.0.0.2` })).toBe(
        `${expected} forwarded`,
      );
    }
  });
});

describe('64 KB', () => {
  const BYTES = 65_536;
  const junk = [
    'x',
    ',',
    ', ',
    '"',
    '\\',
    '\\"',
    ' ',
    '\t',
    '[',
    ':',
    ';',
    '=',
    `${VICTIM},`,
    '10.0.0.2, ',
  ];

  it.each(junk.map((unit) => [unit]))(
    'of %j on the left change nothing, and cost nothing',
    (unit) => {
      const left = unit.repeat(BYTES / unit.length);
      const headers = {
        'x-forwarded-for': `${left}, 192.0.2.1, 10.0.0.2`,
        forwarded: `${left}, for=192.0.2.1, for="10.0.0.2:80"`,
        'x-real-ip': left,
        'cf-connecting-ip': left,
      };
      const cases = [
        [trusted, '192.0.2.1'],
        [trustedForwarded, '192.0.2.1'],
        [{ strategy: 'hops', hops: 2 } as const, '192.0.2.1'],
        [realIp, '10.0.0.1'],
        [nginx, '10.0.0.1'],
      ] as const;
      for (const [options, expected] of cases) {
        const resolver = createClientIpResolver(options);
        const costMs = processorMs(() => {
          for (let i = 0; i < 1_000; i++) resolver.resolve({ remoteAddress: '10.0.0.1', headers });
        });
        expect(costMs).toBeLessThan(500);
        const { ip } = resolver.resolve({ remoteAddress: '10.0.0.1', headers });
        expect(ip?.toString()).toBe(expected);
      }
    },
  );

  it.each(junk.map((unit) => [unit]))('of %j on the right name nobody further left', (unit) => {
    const right = unit.repeat(BYTES / unit.length);
    for (const options of [trusted, trustedForwarded, { strategy: 'hops', hops: 64 } as const]) {
      const headers = {
        'x-forwarded-for': `9.9.9.9, ${right}`,
        forwarded: `for=9.9.9.9, ${right}`,
      };
      expect(answer(options, headers)).not.toContain('9.9.9.9');
    }
  });
});

describe('more hops than there are', () => {
  it.each([
    [2, VICTIM, '10.0.0.1 socket'],
    [64, `${VICTIM}, 192.0.2.1`, '10.0.0.1 socket'],
    [3, `unknown, 192.0.2.1`, '10.0.0.1 socket'],
    [3, `_x, 192.0.2.1`, '10.0.0.1 socket'],
    [3, ', 192.0.2.1', '10.0.0.1 socket'],
    [3, '', '10.0.0.1 socket'],
    [3, undefined, '10.0.0.1 socket'],
  ])('%i with %j are not believed', (hops, list, expected) => {
    expect(answer({ strategy: 'hops', hops }, { 'x-forwarded-for': list })).toBe(expected);
  });
});

describe('private addresses', () => {
  it.each(['127.0.0.1', '::1', '192.168.0.1', '169.254.1.1', 'fe80::1', 'fd00::1', '100.64.0.1'])(
    '%s on the left buys nothing, and is no proxy unless it is listed',
    (address) => {
      expect(answer(trusted, { 'x-forwarded-for': `${address}, 192.0.2.1` })).toBe(
        '192.0.2.1 x-forwarded-for',
      );
      expect(answer(trusted, { 'x-forwarded-for': `${VICTIM}, ${address}` })).toBe(
        `${address} x-forwarded-for`,
      );
      expect(answer(trusted, { 'x-forwarded-for': VICTIM }, address)).toBe(`${address} socket`);
    },
  );
});
