import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseCombinedLine } from './combined-log.js';

const UA = 'Mozilla/5.0 (X11; Linux x86_64)';

function line({
  address = '203.0.113.7',
  user = '-',
  request = 'GET / HTTP/1.1',
  rest = `"-" "${UA}"`,
}) {
  return `${address} - ${user} [17/May/2015:10:05:03 +0000] "${request}" 200 512 ${rest}`;
}

describe('parseCombinedLine', () => {
  it('reads address, method, path, referer and user agent', () => {
    const rest = `"http://example.org/a?b" "${UA}"`;
    expect(parseCombinedLine(line({ request: 'POST /login?next=%2F HTTP/1.1', rest }))).toEqual({
      address: '203.0.113.7',
      method: 'POST',
      path: '/login?next=%2F',
      referer: 'http://example.org/a?b',
      userAgent: UA,
    });
  });

  it.each([
    ['an IPv6 address', { address: '2001:db8::7' }, { address: '2001:db8::7' }],
    [
      'an IPv4-mapped address',
      { address: '::ffff:203.0.113.7' },
      { address: '::ffff:203.0.113.7' },
    ],
    ['a user with spaces', { user: 'Jo Doe [x]' }, { path: '/' }],
    ['HTTP/2.0', { request: 'GET /a HTTP/2.0' }, { path: '/a' }],
    ['HTTP/0.9, which names no protocol', { request: 'GET /old' }, { method: 'GET', path: '/old' }],
    ['a path with a space', { request: 'GET /a b HTTP/1.1' }, { path: '/a b' }],
    ['a path of many slashes', { request: 'GET //a/../b/./ HTTP/1.1' }, { path: '//a/../b/./' }],
    ['an absolute URL', { request: 'GET http://x/ HTTP/1.1' }, { path: 'http://x/' }],
    ['an asterisk', { request: 'OPTIONS * HTTP/1.0' }, { method: 'OPTIONS', path: '*' }],
    ['an escaped quote in the path', { request: 'GET /a\\"b HTTP/1.1' }, { path: '/a"b' }],
    ['an escaped backslash', { request: 'GET /a\\\\b HTTP/1.1' }, { path: '/a\\b' }],
    [
      'bytes in hexadecimal',
      { request: 'GET /caf\\xC3\\xa9 HTTP/1.1' },
      { path: '/caf\u00c3\u00a9' },
    ],
    ['an escaped quote in the agent', { rest: '"-" "a \\"b\\" c"' }, { userAgent: 'a "b" c' }],
    ['a tab in the agent', { rest: '"-" "a\\tb"' }, { userAgent: 'a\tb' }],
    ['an empty agent', { rest: '"-" ""' }, { userAgent: '' }],
    ['an agent cut off', { rest: '"-" "Mozilla/5.0 (com' }, { userAgent: 'Mozilla/5.0 (com' }],
    ['the common format', { rest: '' }, { referer: null, userAgent: null }],
    ['fields after the agent', { rest: '"-" "a" "198.51.100.1" 0.003' }, { userAgent: 'a' }],
  ])('reads %s', (_, fields, expected) => {
    expect(parseCombinedLine(line(fields))).toMatchObject(expected);
  });

  it.each([
    ['nothing', ''],
    ['prose', 'this is not a log'],
    ['a request that was never sent', line({ request: '-' })],
    ['an empty request', line({ request: '' })],
    ['a method alone', line({ request: 'GET' })],
    ['the first bytes of TLS', line({ request: '\\x16\\x03\\x01\\x02\\x00\\x01' })],
    ['a host name for an address', line({ address: 'crawler.example.org' })],
    ['a virtual host before the address', `example.org:80 ${line({})}`],
    ['a request without its closing quote', '203.0.113.7 - - [x] "GET / HTTP/1.1 200 1'],
  ])('gives null for %s', (_, text) => {
    expect(parseCombinedLine(text)).toBeNull();
  });

  it('takes no longer for a line made to hurt', () => {
    const started = performance.now();
    parseCombinedLine(`203.0.113.7 - ${'['.repeat(10_000)}${'] "'.repeat(10_000)}`);
    parseCombinedLine(line({ request: `GET ${'/ '.repeat(50_000)}` }));
    parseCombinedLine(line({ request: '\\'.repeat(50_001) }));
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('reads all of a real log of 10,000 lines, 1,753 addresses in it', () => {
    const log = new URL(
      '../../test/fixtures/apache-combined-10k.log.gz',
      pathToFileURL(__filename),
    );
    const lines = gunzipSync(readFileSync(log)).toString('latin1').trimEnd().split('\n');
    const requests = lines.map(parseCombinedLine);
    expect(requests).toHaveLength(10_000);
    expect(requests).not.toContain(null);
    expect(new Set(requests.map((request) => request!.address)).size).toBe(1_753);
    expect(requests.filter((request) => request!.address === '66.249.73.135')).toHaveLength(482);
  });
});
