import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessLogLine } from './access-log-line.js';
import { AccessLogParser } from './line-parser.js';

const AT = Date.UTC(2015, 4, 17, 10, 5, 3);

function read(text: string): unknown {
  const found: AccessLogLine | null = new AccessLogParser().readText(text);
  return found === null ? null : { ...found, ip: found.ip.toString() };
}

const NGINX = {
  remote_addr: '203.0.113.7',
  remote_user: '-',
  time_local: '17/May/2015:10:05:03 +0000',
  request: 'GET /a?b HTTP/1.1',
  status: '200',
  body_bytes_sent: '512',
  http_referer: '-',
  http_user_agent: 'curl/8.5.0',
  request_time: '0.003',
  http_host: 'example.org',
};

describe("a line of nginx's JSON", () => {
  it('is read whole', () => {
    expect(read(JSON.stringify(NGINX))).toEqual({
      timestampMs: AT,
      ip: '203.0.113.7',
      method: 'GET',
      target: '/a?b',
      protocol: 'HTTP/1.1',
      status: 200,
      bytes: 512,
      referer: null,
      userAgent: 'curl/8.5.0',
      host: 'example.org',
      durationMs: 3,
      remoteUser: null,
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'numbers',
      { status: 404, body_bytes_sent: 0, request_time: 1.5 },
      { status: 404, bytes: 0, durationMs: 1_500 },
    ],
    [
      'an ISO time',
      { time_local: undefined, time_iso8601: '2015-05-17T12:05:03+02:00' },
      { timestampMs: AT },
    ],
    [
      'an ISO time in UTC',
      { time_local: undefined, '@timestamp': '2015-05-17T10:05:03Z' },
      { timestampMs: AT },
    ],
    [
      'an ISO time without a zone',
      { time_local: undefined, time: '2015-05-17 10:05:03' },
      { timestampMs: AT },
    ],
    [
      'a zone without a colon',
      { time_local: undefined, time: '2015-05-17T10:05:03+0000' },
      { timestampMs: AT },
    ],
    ['msec', { msec: '1431857103.123' }, { timestampMs: AT + 123 }],
    ['msec as a number', { msec: 1431857103.5, time_local: undefined }, { timestampMs: AT + 500 }],
    [
      'method and URI',
      {
        request: undefined,
        request_method: 'POST',
        request_uri: '/x?y',
        server_protocol: 'HTTP/2.0',
      },
      { method: 'POST', target: '/x?y', protocol: 'HTTP/2.0' },
    ],
    [
      'method and URI alone',
      { request: undefined, method: 'POST', uri: '/x' },
      { method: 'POST', target: '/x', protocol: '' },
    ],
    [
      'a request that is none',
      { request: '\u0016\u0003\u0001' },
      { method: '', target: '\x16\x03\x01', protocol: '' },
    ],
    ['an empty request', { request: '' }, { method: '', target: '' }],
    [
      'a request that never came',
      { request: '-', status: 408 },
      { method: '', target: '', status: 408 },
    ],
    [
      'a target with a space',
      { request: 'GET /a b HTTP/1.0' },
      { target: '/a b', protocol: 'HTTP/1.0' },
    ],
    ['a target with a backslash', { request: 'GET /a\\x41 HTTP/1.0' }, { target: '/a\\x41' }],
    ['a target beyond ASCII', { request: 'GET /\u00e9 HTTP/1.1' }, { target: '/\u00c3\u00a9' }],
    ['an IPv6 address', { remote_addr: '2001:DB8::7' }, { ip: '2001:db8::7' }],
    ['a mapped address', { remote_addr: '::ffff:203.0.113.9' }, { ip: '203.0.113.9' }],
    ['a referer', { http_referer: 'http://x' }, { referer: 'http://x' }],
    [
      'the other referrer',
      { http_referer: undefined, http_referrer: 'http://x' },
      { referer: 'http://x' },
    ],
    ['an empty agent', { http_user_agent: '' }, { userAgent: '' }],
    ['a user', { remote_user: 'frank' }, { remoteUser: 'frank' }],
    [
      'an empty user and host',
      { remote_user: '', http_host: '' },
      { remoteUser: null, host: null },
    ],
    [
      'nothing optional',
      {
        status: '',
        body_bytes_sent: '-',
        http_referer: undefined,
        http_user_agent: undefined,
        request_time: undefined,
        http_host: undefined,
      },
      { status: 0, bytes: null, referer: null, userAgent: null, durationMs: null, host: null },
    ],
  ])('is read with %s', (_, fields, expected) => {
    expect(read(JSON.stringify({ ...NGINX, ...fields }))).toMatchObject(expected);
  });

  it('is read alike wherever the machine is that reads it', () => {
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    try {
      const found = read(JSON.stringify({ ...NGINX, time_local: '', time: '2015-05-17T10:05:03' }));
      expect(found).toMatchObject({ timestampMs: AT });
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it('is read where nginx escapes in its own way, which is no JSON', () => {
    const line = JSON.stringify({ ...NGINX, request: 'GET /QUOTE?a=BYTE HTTP/1.1' });
    const written = line.replace('QUOTE', '\\x22\\\\x41').replace('BYTE', '\\xC3\\x0a');
    expect(() => JSON.parse(written)).toThrow();
    expect(read(written)).toMatchObject({ target: '/"\\x41?a=\u00c3\n' });
  });

  it.each([
    ['no JSON', '{"remote_addr":"203.0.113.7"'],
    ['no address', { ...NGINX, remote_addr: '-' }],
    ['a UNIX socket for an address', { ...NGINX, remote_addr: 'unix:' }],
    ['a number for an address', { ...NGINX, remote_addr: 7 }],
    ['no time', { ...NGINX, time_local: undefined }],
    ['a time that people write', { ...NGINX, time_local: undefined, time: 'May 17, 2015' }],
    ['no request', { ...NGINX, request: undefined }],
    ['a method without a target', { ...NGINX, request: undefined, request_method: 'GET' }],
    ['an array', `[${JSON.stringify(NGINX)}]`],
    ['an empty object', {}],
  ])('is not read with %s', (_, line) => {
    expect(read(typeof line === 'string' ? line : JSON.stringify(line))).toBeNull();
  });
});

const CADDY = {
  level: 'info',
  ts: 1431857103.25,
  logger: 'http.log.access.log0',
  msg: 'handled request',
  request: {
    remote_ip: '203.0.113.7',
    remote_port: '41342',
    client_ip: '203.0.113.7',
    proto: 'HTTP/2.0',
    method: 'GET',
    host: 'example.org',
    uri: '/a?b',
    headers: { 'User-Agent': ['curl/8.5.0'], Accept: ['*/*'], Referer: ['http://x'] },
    tls: { resumed: false },
  },
  bytes_read: 0,
  user_id: '',
  duration: 0.000929675,
  size: 10900,
  status: 200,
  resp_headers: { Server: ['Caddy'] },
};
const request = (fields: Record<string, unknown>) => ({ request: { ...CADDY.request, ...fields } });

describe("a line of Caddy's JSON", () => {
  it('is read whole', () => {
    expect(read(JSON.stringify(CADDY))).toEqual({
      timestampMs: AT + 250,
      ip: '203.0.113.7',
      method: 'GET',
      target: '/a?b',
      protocol: 'HTTP/2.0',
      status: 200,
      bytes: 10900,
      referer: 'http://x',
      userAgent: 'curl/8.5.0',
      host: 'example.org',
      durationMs: 0.929675,
      remoteUser: null,
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'a client behind a proxy',
      request({ remote_ip: '10.0.0.2', client_ip: '2001:db8::7' }),
      { ip: '2001:db8::7' },
    ],
    ['a peer alone', request({ client_ip: undefined }), { ip: '203.0.113.7' }],
    [
      'a peer with its port',
      request({ client_ip: undefined, remote_ip: undefined, remote_addr: '203.0.113.9:4711' }),
      { ip: '203.0.113.9' },
    ],
    [
      'an IPv6 peer with its port',
      request({ client_ip: undefined, remote_ip: undefined, remote_addr: '[2001:db8::7]:4711' }),
      { ip: '2001:db8::7' },
    ],
    ['no headers', request({ headers: undefined }), { referer: null, userAgent: null }],
    ['empty headers', request({ headers: { 'User-Agent': [] } }), { userAgent: null }],
    ['two user agents', request({ headers: { 'User-Agent': ['a', 'b'] } }), { userAgent: 'a, b' }],
    ['a user', { user_id: 'frank' }, { remoteUser: 'frank' }],
    ['milliseconds', { ts: 1431857103250 }, { timestampMs: AT + 250 }],
    ['nanoseconds', { ts: 1431857103250000000 }, { timestampMs: AT + 250 }],
    ['an ISO time', { ts: '2015-05-17T10:05:03.250Z' }, { timestampMs: AT + 250 }],
    ['a wall clock', { ts: '2015/05/17 10:05:03.250' }, { timestampMs: AT + 250 }],
    ['a status of nothing', { status: 0, size: 0 }, { status: 0, bytes: 0 }],
    ['an impossible status', { status: 70_000 }, { status: 0 }],
    ['a duration in words', { duration: '929.675µs' }, { durationMs: null }],
  ])('is read with %s', (_, fields, expected) => {
    expect(read(JSON.stringify({ ...CADDY, ...fields }))).toMatchObject(expected);
  });

  it.each<[string, Record<string, unknown>]>([
    ['what Caddy says of itself', { request: undefined, status: undefined }],
    ['an error of a handler, logged beside the access', { logger: 'http.log.error.log0' }],
    ['no address', request({ client_ip: undefined, remote_ip: undefined })],
    ['a UNIX socket', request({ client_ip: '', remote_ip: '' })],
    ['no time', { ts: undefined }],
    ['a time that is none', { ts: 'yesterday' }],
    ['no status', { status: undefined }],
    ['no method', request({ method: undefined })],
    ['no URI', request({ uri: 7 })],
  ])('is not read with %s', (_, fields) => {
    expect(read(JSON.stringify({ ...CADDY, ...fields }))).toBeNull();
  });
});

it('tells the formats apart line by line', () => {
  const parser = new AccessLogParser();
  const lines = [
    JSON.stringify(NGINX),
    'garbage',
    JSON.stringify(CADDY),
    '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1',
    '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "-"',
    JSON.stringify(NGINX),
  ];
  expect(lines.map((line) => parser.readText(line) !== null)).toEqual([
    true,
    false,
    true,
    true,
    true,
    true,
  ]);
  expect(parser.counts).toEqual({ combined: 1, common: 1, 'nginx-json': 2, 'caddy-json': 1 });
});

it('reads back whatever was printed as JSON, and never throws', () => {
  const text = fc.string({ unit: 'binary-ascii', maxLength: 20 });
  const known = text.filter((one) => one !== '-');
  fc.assert(
    fc.property(known, known, fc.nat(999), (target, agent, status) => {
      const nginx = {
        ...NGINX,
        request: undefined,
        method: 'GET',
        uri: target,
        http_user_agent: agent,
        status,
      };
      expect(read(JSON.stringify(nginx))).toMatchObject({ target, userAgent: agent, status });
      const caddy = {
        ...CADDY,
        ...request({ uri: target, headers: { 'User-Agent': [agent] } }),
        status,
      };
      expect(read(JSON.stringify(caddy))).toMatchObject({ target, userAgent: agent, status });
    }),
  );
  const names = [...Object.keys(NGINX), ...Object.keys(CADDY), ...Object.keys(CADDY.request)];
  const object = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
  fc.assert(
    fc.property(object, object, (line, inner) => {
      read(JSON.stringify(line));
      read(JSON.stringify({ ...CADDY, ...line, request: inner }));
    }),
  );
});
