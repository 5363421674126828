import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { processorMs } from '../../../test/support/processor-time.js';
import { v6Text } from '../../net/ip-text.js';
import type { AccessLogLine } from './access-log-line.js';
import { AccessLogParser } from './line-parser.js';

const UA = 'Mozilla/5.0 (X11; Linux x86_64)';
const TIME = '17/May/2015:10:05:03 +0000';

interface Parts {
  address?: string;
  user?: string;
  time?: string;
  request?: string;
  numbers?: string;
  rest?: string;
}

function line({
  address = '203.0.113.7',
  user = '- -',
  time = TIME,
  request = 'GET / HTTP/1.1',
  numbers = ' 200 512',
  rest = ` "-" "${UA}"`,
}: Parts): string {
  return `${address} ${user} [${time}] "${request}"${numbers}${rest}`;
}

/** A line as the reader sees it: in the middle of a buffer, with other bytes before and after it. */
function read(text: string): AccessLogLine | null {
  const bytes = Buffer.from(`1.1.1.1 " - [\n${text}\n9 "-" [\\" 200`, 'latin1');
  return new AccessLogParser().read(bytes, 14, 14 + text.length);
}

describe('a combined line', () => {
  it('is read whole', () => {
    const rest = ` "http://example.org/a?b" "${UA}"`;
    const found = read(line({ request: 'POST /login?next=%2F HTTP/1.1', rest }));
    expect({ ...found, ip: found?.ip.toString() }).toEqual({
      timestampMs: Date.UTC(2015, 4, 17, 10, 5, 3),
      ip: '203.0.113.7',
      method: 'POST',
      target: '/login?next=%2F',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes: 512,
      referer: 'http://example.org/a?b',
      userAgent: UA,
      host: null,
      durationMs: null,
      remoteUser: null,
    });
  });

  it.each<[string, Parts, Partial<AccessLogLine>]>([
    // Requests
    ['HTTP/2.0', { request: 'GET /a HTTP/2.0' }, { target: '/a', protocol: 'HTTP/2.0' }],
    ['HTTP/3', { request: 'GET /a HTTP/3' }, { target: '/a', protocol: 'HTTP/3' }],
    ['HTTP/1.0', { request: 'HEAD / HTTP/1.0' }, { method: 'HEAD', protocol: 'HTTP/1.0' }],
    ['HTTP/0.9', { request: 'GET /old' }, { method: 'GET', target: '/old', protocol: '' }],
    ['a space in the path', { request: 'GET /a b HTTP/1.1' }, { target: '/a b' }],
    ['a protocol twice', { request: 'GET / HTTP/1.1 HTTP/1.1' }, { target: '/ HTTP/1.1' }],
    ['an absolute URI', { request: 'GET http://x/ HTTP/1.1' }, { target: 'http://x/' }],
    ['CONNECT', { request: 'CONNECT x:443 HTTP/1.1' }, { method: 'CONNECT', target: 'x:443' }],
    ['an asterisk', { request: 'OPTIONS * HTTP/1.1' }, { method: 'OPTIONS', target: '*' }],
    ['a method of its own', { request: 'BREW /pot HTTP/1.1' }, { method: 'BREW' }],
    ['a method like GET', { request: 'GEX / HTTP/1.1' }, { method: 'GEX' }],
    ['an escaped quote', { request: 'GET /a\\"b HTTP/1.1' }, { target: '/a"b' }],
    ['escaped backslashes', { request: 'GET /a\\\\ HTTP/1.1' }, { target: '/a\\' }],
    ['a backslash at the end', { request: 'GET /a\\\\' }, { target: '/a\\', protocol: '' }],
    ['bytes', { request: 'GET /caf\\xC3\\xa9 HTTP/1.1' }, { target: '/caf\u00c3\u00a9' }],
    ['a raw byte', { request: 'GET /\u00ff HTTP/1.1' }, { target: '/\u00ff' }],
    // What is no request
    ['TLS', { request: '\\x16\\x03\\x01' }, { method: '', target: '\x16\x03\x01', protocol: '' }],
    ['one word', { request: 'MGLNDD_1.2.3.4_80' }, { method: '', target: 'MGLNDD_1.2.3.4_80' }],
    ['a method alone', { request: 'GET' }, { method: '', target: 'GET' }],
    ['a method and a space', { request: 'GET ' }, { method: '', target: 'GET ' }],
    ['SSH', { request: 'SSH-2.0-Go' }, { method: '', target: 'SSH-2.0-Go' }],
    ['a space first', { request: ' / HTTP/1.1' }, { method: '', target: ' / HTTP/1.1' }],
    ['nothing', { request: '' }, { method: '', target: '', protocol: '' }],
    ['a time-out', { request: '-', numbers: ' 408 -' }, { method: '', target: '', status: 408 }],
    // Numbers
    ['a size of nothing', { numbers: ' 304 -' }, { status: 304, bytes: null, userAgent: UA }],
    ['a size of 0', { numbers: ' 304 0' }, { status: 304, bytes: 0, userAgent: UA }],
    ['no size', { numbers: ' 200', rest: '' }, { status: 200, bytes: null }],
    ['no size and a space', { numbers: ' 200 ', rest: '' }, { status: 200, bytes: null }],
    ['no status', { numbers: ' - 12' }, { status: 0, bytes: 12, userAgent: UA }],
    ['000, as nginx writes it', { numbers: ' 000 0' }, { status: 0, bytes: 0 }],
    ['a large size', { numbers: ' 206 5368709120' }, { bytes: 5_368_709_120 }],
    // Fields
    ['an agent with brackets', { rest: ' "-" "a [b] \\"c\\" [d"' }, { userAgent: 'a [b] "c" [d' }],
    ['a tab in the agent', { rest: ' "-" "a\\tb"' }, { userAgent: 'a\tb' }],
    ['an empty agent', { rest: ' "-" ""' }, { referer: null, userAgent: '' }],
    ['an agent cut off', { rest: ' "-" "Mozilla/5.0 (com' }, { userAgent: 'Mozilla/5.0 (com' }],
    ['a referer cut off', { rest: ' "http://x' }, { referer: 'http://x', userAgent: null }],
    ['a referer alone', { rest: ' "http://x"' }, { referer: 'http://x', userAgent: null }],
    ['common', { rest: '' }, { bytes: 512, referer: null, userAgent: null }],
    ['more after the agent', { rest: ' "-" "a" "1.2.3.4" 0.003' }, { userAgent: 'a' }],
    ['Traefik', { rest: ' "-" "a" 12 "web@docker" "http://10.0.0.2:80" 3ms' }, { userAgent: 'a' }],
    ['something unquoted after the size', { rest: ' 0.003' }, { bytes: 512, userAgent: null }],
    // Users
    ['a user', { user: '- frank' }, { remoteUser: 'frank' }],
    ['an identity', { user: 'ident frank' }, { remoteUser: 'frank' }],
    ['a user with brackets', { user: '- Jo Doe [x]' }, { remoteUser: 'Jo Doe [x]' }],
    ['a user who is a time', { user: `- [${TIME}]` }, { target: '/', remoteUser: `[${TIME}]` }],
    ['a user who is a request', { user: `- [${TIME}] \\"GET /no` }, { target: '/' }],
    ['an empty user', { user: '- ""' }, { remoteUser: null }],
    ['an escape in the user', { user: '- a\\x22b' }, { remoteUser: 'a"b' }],
    // Hosts
    ['a virtual host', { address: 'example.org:443 203.0.113.7' }, { host: 'example.org' }],
    ['one without a port', { address: 'example.org 203.0.113.7' }, { host: 'example.org' }],
  ])('with %s', (_, parts, expected) => {
    expect(read(line(parts))).toMatchObject(expected);
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['2001:DB8:0:0::7', '2001:db8::7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::1', '::1'],
  ])('from %s', (address, expected) => {
    expect(read(line({ address }))?.ip.toString()).toBe(expected);
  });

  it.each([
    ['17/May/2015:10:05:03 +0000', '2015-05-17T10:05:03Z'],
    ['01/Jan/2000:00:00:00 +0000', '2000-01-01T00:00:00Z'],
    ['29/Feb/2024:23:59:59 +0200', '2024-02-29T21:59:59Z'],
    ['31/Dec/2023:23:30:00 -0330', '2024-01-01T03:00:00Z'],
    ['30/Jun/2015:23:59:60 +0000', '2015-07-01T00:00:00Z'],
  ])('at %s', (time, expected) => {
    expect(read(line({ time }))?.timestampMs).toBe(Date.parse(expected));
  });

  it.each([
    ['an empty line', ''],
    ['prose', 'this is not a log'],
    ['an address alone', '203.0.113.7'],
    ['a host name for an address', line({ address: 'crawler.example.org' })],
    ['an address with a port', line({ address: '203.0.113.7:4711' })],
    ['an address of five parts', line({ address: '203.0.113.7.1' })],
    ['an octet too large', line({ address: '203.0.113.256' })],
    ['a leading zero', line({ address: '203.0.113.07' })],
    ['a zone', line({ address: 'fe80::1%eth0' })],
    ['a UNIX socket', line({ address: 'unix:' })],
    ['a 31st of April', line({ time: '31/Apr/2015:10:05:03 +0000' })],
    ['a 29th of February in 2023', line({ time: '29/Feb/2023:10:05:03 +0000' })],
    ['a day 0', line({ time: '00/May/2015:10:05:03 +0000' })],
    ['a year that had no servers', line({ time: '17/May/0099:10:05:03 +0000' })],
    ['no such month', line({ time: '17/Foo/2015:10:05:03 +0000' })],
    ['no such hour', line({ time: '17/May/2015:24:05:03 +0000' })],
    ['no such minute', line({ time: '17/May/2015:10:60:03 +0000' })],
    ['no such second', line({ time: '17/May/2015:10:05:61 +0000' })],
    ['no such zone', line({ time: '17/May/2015:10:05:03 +1500' })],
    ['a zone without a sign', line({ time: '17/May/2015:10:05:03 00000' })],
    ['letters in the time', line({ time: '17/May/2015:1a:05:03 +0000' })],
    ['another kind of time', line({ time: '2015-05-17T10:05:03+00:00' })],
    ['a request without its end', line({ request: 'GET / HTTP/1.1', numbers: '' }).slice(0, 60)],
    ['an end that is escaped', line({ request: 'GET /\\', numbers: '', rest: '' })],
    ['no status at all', line({ numbers: '', rest: '' })],
    ['a status of two digits', line({ numbers: ' 20 512' })],
    ['a status of letters', line({ numbers: ' abc 512' })],
    ['a status cut off', line({ numbers: ' 20', rest: '' })],
  ])('is not %s', (_, text) => {
    expect(read(text)).toBeNull();
  });

  it('keeps its day from the one before, and leaves it', () => {
    const parser = new AccessLogParser();
    const times = ['17/May/2015:10:05:03', '18/May/2015:10:05:03', '31/Apr/2015:10:05:03'];
    times.push('18/May/2015:10:05:04', '18/May/2016:10:05:04');
    expect(
      times.map((time) => {
        const found = parser.readText(line({ time: `${time} +0000` }));
        return found === null ? null : new Date(found.timestampMs).toISOString().slice(0, 19);
      }),
    ).toEqual([
      '2015-05-17T10:05:03',
      '2015-05-18T10:05:03',
      null,
      '2015-05-18T10:05:04',
      '2016-05-18T10:05:04',
    ]);
  });
});

const v4 = fc
  .nat(0xffffffff)
  .map((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.'));
const v6 = fc
  .tuple(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(0xffffffff))
  .filter(([a, b, c]) => !(a === 0 && b === 0 && c === 0xffff))
  .map(([a, b, c, d]) => v6Text(a | 0, b | 0, c | 0, d | 0));
const bytes = fc.string({
  unit: fc.constantFrom(
    ...' "\\[]-/:ax0\t\n\r\b\v\x00\x16\x7f\u0080\u00ff',
    'GET ',
    ' HTTP/1.1',
    '] "',
  ),
  maxLength: 12,
});

/** As nginx escapes, or as Apache does. */
const escape = (text: string, isApache: boolean): string =>
  [...text]
    .map((character) => {
      const code = character.charCodeAt(0);
      const isPlain = code >= 0x20 && code < 0x7f && character !== '"' && character !== '\\';
      if (isPlain) return character;
      if (isApache && code >= 0x20 && code < 0x7f) return `\\${character}`;
      if (isApache && character === '\n') return '\\n';
      return `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`;
    })
    .join('');

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function printTime(timestampMs: number, zoneMinutes: number): string {
  const local = new Date(timestampMs + zoneMinutes * 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(zoneMinutes) / 60))}${two(Math.abs(zoneMinutes) % 60)}`;
  return `${two(local.getUTCDate())}/${MONTHS[local.getUTCMonth()]}/${String(local.getUTCFullYear()).padStart(4, '0')}:${local.toISOString().slice(11, 19)} ${zone}`;
}

it('reads back whatever was printed', () => {
  const field = fc.option(bytes.filter((text) => text !== '-'));
  fc.assert(
    fc.property(
      fc.record({
        address: fc.oneof(v4, v6),
        seconds: fc.integer({ min: 15 * 3_600, max: Date.UTC(9998, 0) / 1_000 }),
        zone: fc.integer({ min: -14 * 60, max: 14 * 60 }),
        user: field.map((text) => {
          const name = text?.replace(/^[\s"]*|[\s"]*$/g, '');
          return name === '-' ? null : name || null;
        }),
        method: fc.constantFrom('GET', 'POST', 'PROPFIND', 'M-SEARCH'),
        target: bytes.filter((text) => text !== '' && !/ HTTP\/\d(\.\d)?$/.test(` ${text}`)),
        protocol: fc.constantFrom('', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/3'),
        status: fc.nat(999),
        size: fc.option(fc.nat(2 ** 31)),
        referer: field,
        userAgent: field,
        isApache: fc.boolean(),
        extra: fc.constantFrom('', ' "x" 12'),
      }),
      (wanted) => {
        const { isApache } = wanted;
        const quoted = (text: string | null) => `"${text === null ? '-' : escape(text, isApache)}"`;
        const request = [wanted.method, wanted.target, wanted.protocol].filter(
          (part) => part !== '',
        );
        const text = [
          wanted.address,
          '-',
          wanted.user === null ? '-' : escape(wanted.user, isApache),
          `[${printTime(wanted.seconds * 1_000, wanted.zone)}]`,
          quoted(request.join(' ')),
          String(wanted.status).padStart(3, '0'),
          wanted.size ?? '-',
          quoted(wanted.referer),
          quoted(wanted.userAgent) + wanted.extra,
        ].join(' ');
        const found = read(text);
        expect({ ...found, ip: found?.ip.toString() }).toEqual({
          timestampMs: wanted.seconds * 1_000,
          ip: wanted.address,
          method: wanted.method,
          target: wanted.target,
          protocol: wanted.protocol,
          status: wanted.status,
          bytes: wanted.size,
          referer: wanted.referer,
          userAgent: wanted.userAgent,
          host: null,
          durationMs: null,
          remoteUser: wanted.user,
        });
      },
    ),
    { numRuns: 2_000 },
  );
});

it('never throws, and never reads beyond the line', () => {
  const piece = fc.constantFrom(
    ...'"\\[] -1\n{',
    '203.0.113.7 - - [',
    `${TIME}] "`,
    'GET / HTTP/1.1" 200',
    '"-" "',
  );
  const parser = new AccessLogParser();
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(piece, { maxLength: 4 }),
      (own, next) => {
        const text = own.join('');
        const alone = parser.read(Buffer.from(text), 0, text.length);
        const among = parser.read(Buffer.from(text + next.join('')), 0, text.length);
        expect(among).toEqual(alone);
      },
    ),
    { numRuns: 5_000 },
  );
});

it('reads a line that is cut anywhere as it would without what follows', () => {
  const whole = line({ numbers: ' 200 5123', rest: ' "http://x" "a \\"b\\" c" 12' });
  const bytes = Buffer.from(whole);
  const parser = new AccessLogParser();
  for (let end = 0; end <= bytes.length; end++) {
    const alone = parser.read(Buffer.from(bytes.subarray(0, end)), 0, end);
    expect(parser.read(bytes, 0, end)).toEqual(alone);
  }
});

it('takes time that grows with the length of a line made to hurt, and no faster', () => {
  const cpuMs = (text: string): number => {
    const parser = new AccessLogParser();
    return processorMs(() => void parser.readText(text));
  };
  const hurting = (size: number) => [
    `203.0.113.7 - ${' ['.repeat(size)}${`] "`.repeat(size)}`,
    `203.0.113.7 - - [${TIME}] "${'\\'.repeat(2 * size + 1)}`,
    `203.0.113.7 - - [${TIME}] "${'\\"'.repeat(size)}`,
    `203.0.113.7 - - [${TIME}] "GET ${'/ '.repeat(size)}" 200 1`,
    `{"a":"${'\\x'.repeat(size)}`,
  ];
  // Quadratic, each would take half a minute and more.
  for (const text of hurting(100_000)) expect(cpuMs(text)).toBeLessThan(2_000);
});

it('reads all of a real log of 10,000 lines, 1,753 addresses in it', () => {
  const log = join(__dirname, '../../../test/fixtures/apache-combined-10k.log.gz');
  const parser = new AccessLogParser();
  const text = gunzipSync(readFileSync(log)).toString('utf8').trimEnd();
  const lines = text.split('\n').map((one) => parser.readText(one));
  expect(lines).toHaveLength(10_000);
  expect(lines).not.toContain(null);
  expect(new Set(lines.map((found) => found!.ip.toString())).size).toBe(1_753);
  expect(lines.filter((found) => found!.ip.toString() === '66.249.73.135')).toHaveLength(482);
  expect(parser.counts).toEqual({ combined: 10_000, common: 0, 'nginx-json': 0, 'caddy-json': 0 });
});
