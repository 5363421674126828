import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import type { NameResolver } from './crawler-check.js';
import { dnsResolver } from './dns-resolver.js';

const TYPES = { 1: 'A', 12: 'PTR', 28: 'AAAA' } as const;
const NXDOMAIN = 3;
const SERVFAIL = 2;

/** A zone: what is asked for, and the answers, or a code, or silence. */
const ZONE: Record<string, string[] | number | 'silence'> = {
  'PTR 1.2.0.192.in-addr.arpa': ['a.googlebot.com', 'b.example'],
  'PTR 2.2.0.192.in-addr.arpa': [],
  'PTR 3.2.0.192.in-addr.arpa': SERVFAIL,
  'PTR 4.2.0.192.in-addr.arpa': 'silence',
  'A a.googlebot.com': ['192.0.2.1', '192.0.2.9'],
  'AAAA a.googlebot.com': ['2001:db8::1'],
};

const nameOf = (labels: string): Buffer =>
  Buffer.concat([
    ...labels
      .split('.')
      .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);

function data(type: string, text: string): Buffer {
  if (type === 'PTR') return nameOf(text);
  if (type === 'A') return Buffer.from(text.split('.').map(Number));
  return Buffer.from('20010db8000000000000000000000001', 'hex');
}

/** RFC 1035 section 4, as much of it as is asked for here. */
function reply(query: Buffer): Buffer | null {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length).toLowerCase());
    at += length + 1;
  }
  const type = TYPES[query.readUInt16BE(at + 1) as keyof typeof TYPES];
  const found = ZONE[`${type} ${labels.join('.')}`] ?? NXDOMAIN;
  if (found === 'silence') return null;
  const answers = typeof found === 'number' ? [] : found;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (typeof found === 'number' ? found : 0), 2);
  header.writeUInt16BE(answers.length, 6);
  header.writeUInt32BE(0, 8);
  const records = answers.map((answer) => {
    const content = data(type, answer);
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(query.readUInt16BE(at + 1), 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(60, 6);
    fixed.writeUInt16BE(content.length, 10);
    return Buffer.concat([fixed, content]);
  });
  return Buffer.concat([header, query.subarray(12, at + 5), ...records]);
}

let server: Socket;
let resolver: NameResolver;
beforeAll(async () => {
  server = createSocket('udp4', (query, from) => {
    const answer = reply(query);
    if (answer !== null) server.send(answer, from.port, from.address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  resolver = dnsResolver({ servers: [`127.0.0.1:${port}`], timeoutMs: 200, tries: 1 });
});
afterAll(() => server.close());

const ip = (text: string) => parseIp(text)!;

it('has the names of an address, and the addresses of a name', async () => {
  expect(await resolver.reverse(ip('192.0.2.1'))).toEqual(['a.googlebot.com', 'b.example']);
  expect(await resolver.forward('a.googlebot.com', 4)).toEqual(['192.0.2.1', '192.0.2.9']);
  expect((await resolver.forward('a.googlebot.com', 6)).map((text) => ip(text).toString())).toEqual(
    ['2001:db8::1'],
  );
});

it('has nothing where DNS says that there is nothing', async () => {
  expect(await resolver.reverse(ip('192.0.2.2'))).toEqual([]);
  expect(await resolver.reverse(ip('192.0.2.77'))).toEqual([]);
  expect(await resolver.reverse(ip('2001:db8::1'))).toEqual([]);
  expect(await resolver.forward('none.example', 4)).toEqual([]);
});

it('rejects where DNS says nothing', async () => {
  await expect(resolver.reverse(ip('192.0.2.3'))).rejects.toMatchObject({ code: 'ESERVFAIL' });
  await expect(resolver.reverse(ip('192.0.2.4'))).rejects.toMatchObject({ code: 'ETIMEOUT' });
});

it('asks no file of this machine', async () => {
  expect(await resolver.reverse(ip('127.0.0.1'))).toEqual([]);
  expect(await resolver.forward('localhost', 4)).toEqual([]);
});
