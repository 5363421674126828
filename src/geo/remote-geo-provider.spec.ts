import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { RemoteGeoProvider, type RemoteGeoProviderOptions } from './remote-geo-provider.js';

const ip = (text: string) => parseIp(text)!;
const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(JSON.stringify(body));

describe('RemoteGeoProvider', () => {
  let server: Server;
  let answer: RequestListener;
  const asked: string[] = [];
  const clock = { now: 0 };

  beforeEach(async () => {
    asked.length = 0;
    clock.now = 0;
    server = createServer((request, response) => {
      asked.push(request.url!);
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const provider = (options: Partial<RemoteGeoProviderOptions> = {}) =>
    new RemoteGeoProvider(
      {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/{ip}?key=secret`,
        timeoutMs: 10_000,
        ...options,
      },
      () => clock.now,
    );

  it.each([
    [{ country_code: 'DE', city: 'Kiel' }],
    [{ countryCode: 'DE', country: 'Germany', city: 'Kiel' }],
    [{ country: 'DE', city: { name: 'Kiel' } }],
    [{ country: { iso_code: 'DE' }, city: { names: { en: 'Kiel' } } }],
    [{ country: { code: 'DE' }, city: 'Kiel' }],
  ])('reads %j', async (body) => {
    answer = json(body);
    expect(await provider().lookup(ip('2001:4abc::1'))).toEqual({ country: 'DE', city: 'Kiel' });
    expect(asked).toEqual(['/v1/2001%3A4abc%3A%3A1?key=secret']);
  });

  it('sends the headers and reads the answer as it is told', async () => {
    answer = (request, response) =>
      response.end(JSON.stringify({ deep: { cc: request.headers['x-key'] } }));
    const remote = provider({
      headers: { 'x-key': 'SE' },
      read: (body) => ({ country: (body as { deep: { cc: string } }).deep.cc, city: null }),
    });
    expect(await remote.lookup(ip('81.1.2.3'))).toEqual({ country: 'SE', city: null });
  });

  it.each([
    ['404', json({}, 404)],
    ['204', (_, response) => response.writeHead(204).end()],
    ['null', json(null)],
  ])('takes %s for not knowing', async (_, listener) => {
    answer = listener;
    expect(await provider().lookup(ip('81.1.2.3'))).toBeNull();
  });

  it.each<[string, RequestListener]>([
    ['never answers', () => undefined],
    ['stops half-way', (_, response) => void response.writeHead(200).write('{"country"')],
  ])('fails in time where the server %s', async (_, listener) => {
    answer = listener;
    const asking = provider({ timeoutMs: 200 }).lookup(ip('81.1.2.3'));
    await expect(asking).rejects.toThrow(/has not answered for 200 ms/);
  });

  it.each<[string, RequestListener, RegExp]>([
    ['answers 500', json({ country: 'DE' }, 500), /answered 500/],
    ['answers garbage', (_, response) => void response.end('<html>'), /failed/],
    ['hangs up', (request) => void request.socket.destroy(), /failed/],
    [
      'never ends',
      (_, response) => void response.end(`"${'x'.repeat(70_000)}"`),
      /longer than 65536 bytes/,
    ],
  ])('fails at once where the server %s', async (_, listener, message) => {
    answer = listener;
    await expect(provider().lookup(ip('81.1.2.3'))).rejects.toThrow(message);
  });

  it('shows no key of its URL', async () => {
    answer = json({}, 500);
    await expect(provider().lookup(ip('81.1.2.3'))).rejects.not.toThrow(/secret/);
    expect(provider().name).toMatch(/^remote\(127\.0\.0\.1:\d+\)$/);
  });

  it('leaves a failing server alone, tries once when the pause is over, and trusts it again', async () => {
    answer = json({}, 500);
    const remote = provider();
    const ask = () => remote.lookup(ip('81.1.2.3')).catch((error: Error) => error.message);
    for (let call = 0; call < 10; call += 1) await ask();
    expect(asked).toHaveLength(3);
    clock.now = 1_000;
    await Promise.all([ask(), ask(), ask()]);
    expect(asked).toHaveLength(4);
    clock.now = 2_999;
    expect(await ask()).toMatch(/left alone/);
    clock.now = 3_000;
    answer = json({ country: 'DE' });
    expect(await ask()).toEqual({ country: 'DE', city: null });
    expect(await ask()).toEqual({ country: 'DE', city: null });
    expect(asked).toHaveLength(6);
  });

  it('keeps to the pause that a server asks for', async () => {
    answer = json({}, 429, { 'retry-after': '120' });
    const remote = provider();
    const ask = () => remote.lookup(ip('81.1.2.3')).catch((error: Error) => error.message);
    await ask();
    clock.now = 119_000;
    expect(await ask()).toMatch(/left alone/);
    clock.now = 120_000;
    await ask();
    expect(asked).toHaveLength(2);
  });

  it('asks no more at once than it is told, and lets no more wait', async () => {
    let running = 0;
    let most = 0;
    const answerLater = async (response: ServerResponse) => {
      most = Math.max(most, (running += 1));
      await sleep(20);
      running -= 1;
      response.end('{"country":"DE"}');
    };
    answer = (_, response) => void answerLater(response);
    const remote = provider({ maxConcurrent: 3, maxWaiting: 5, timeoutMs: 2_000 });
    const lookups = Array.from({ length: 12 }, (_, host) => remote.lookup(ip(`81.1.2.${host}`)));
    const results = await Promise.allSettled(lookups);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    expect(most).toBe(3);
    expect(await remote.lookup(ip('81.1.2.99'))).toEqual({ country: 'DE', city: null });
  });

  it('breaks off when it is closed', async () => {
    answer = () => undefined;
    const remote = provider({ timeoutMs: 60_000 });
    const lookup = remote.lookup(ip('81.1.2.3'));
    await sleep(20);
    remote.close();
    await expect(lookup).rejects.toThrow(/closing/);
  });

  it.each(['', 'geo.example/{ip}', 'https://geo.example/', 'file:///{ip}'])(
    'refuses the URL "%s"',
    (url) => {
      expect(() => new RemoteGeoProvider({ url })).toThrow(
        expect.objectContaining({ code: 'IPT_INVALID_OPTION' }),
      );
    },
  );
});
