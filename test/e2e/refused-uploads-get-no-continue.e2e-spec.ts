import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Body, Controller, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IpRuleService, SkipIpRules } from '../../src/index.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';
import { RawSocket, statusesIn } from '../support/raw-socket.js';

const BLOCKED = '203.0.113.7';
const FREE = '198.51.100.1';
const BODY = JSON.stringify({ a: 1 });

@Controller()
class Routes {
  @Post('upload')
  upload(@Body() body: unknown) {
    return body;
  }

  @Post('appeal')
  @SkipIpRules()
  appeal(@Body() body: unknown) {
    return body;
  }
}

describe.each(ADAPTERS)('Expect: 100-continue on %s', (adapter) => {
  let host: Host;
  let seen = 0;

  beforeAll(async () => {
    host = await startHost({ adapter, controllers: [Routes] });
    await host.app.get(IpRuleService).block(BLOCKED);
  });
  afterAll(() => host.close());

  async function expecting(path: string, from: string, expectation = '100-continue') {
    const socket = await RawSocket.toUrl(host.url);
    return socket.write(
      `POST ${path} HTTP/1.1`,
      'Host: x',
      `X-Forwarded-For: ${from}`,
      'Content-Type: application/json',
      `Content-Length: ${BODY.length}`,
      `Expect: ${expectation}`,
    );
  }

  async function lastRow() {
    seen += 1;
    return (await host.rows(seen))[seen - 1];
  }

  it.each(['/upload', '/nowhere'])('a blocked client is not invited to %s', async (path) => {
    const socket = await expecting(path, BLOCKED);
    expect(statusesIn(await socket.untilClosed())).toEqual([403]);
    expect(socket.received).not.toMatch(/100 continue/i);
    expect(socket.received).toMatch(/^connection: close/im);
    expect(await lastRow()).toMatchObject({ status: 403, outcome: 'blocked', path });
  });

  it('a blocked client is refused for what they expect beside it, too', async () => {
    const socket = await expecting('/upload', BLOCKED, 'tea');
    expect(statusesIn(await socket.untilClosed())).toEqual([403]);
    expect(await lastRow()).toMatchObject({ status: 403, outcome: 'blocked' });
  });

  it('everybody else is invited, and their upload arrives', async () => {
    const socket = await expecting('/upload', FREE);
    await socket.until(/100 Continue/);
    socket.write(BODY);
    await socket.until(/{"a":1}$/);
    socket.destroy();
    expect(statusesIn(socket.received)).toEqual([100, 201]);
    expect(await lastRow()).toMatchObject({ status: 201, outcome: 'served', route: '/upload' });
  });

  it('a client library notices nothing', async () => {
    const { port } = new URL(host.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const upload = request(
        {
          port,
          host: '127.0.0.1',
          path: '/upload',
          method: 'POST',
          headers: {
            'x-forwarded-for': FREE,
            'content-type': 'application/json',
            'content-length': BODY.length,
            expect: '100-continue',
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('end', () => resolve(text));
        },
      );
      upload.on('continue', () => upload.end(BODY));
      upload.on('error', reject);
      upload.flushHeaders();
    });
    expect(answer).toBe(BODY);
    await lastRow();
  });

  it('a blocked client is invited where the route skips the rules', async () => {
    const socket = await expecting('/appeal', BLOCKED);
    await socket.until(/100 Continue/);
    socket.write(BODY);
    await socket.until(/{"a":1}$/);
    socket.destroy();
    expect(statusesIn(socket.received)).toEqual([100, 201]);
    expect(await lastRow()).toMatchObject({ status: 201, outcome: 'served', rule_id: null });
  });

  it('another expectation fails as node would have it, and leaves a row', async () => {
    const socket = await expecting('/upload', FREE, 'tea');
    await socket.until(/417/);
    socket.destroy();
    expect(statusesIn(socket.received)).toEqual([417]);
    expect(await lastRow()).toMatchObject({ status: 417 });
  });

  it("a host's own listener decides about those that we let in, and sees no others", async () => {
    const asked: string[] = [];
    const server = host.app.getHttpServer();
    const listener = (incoming: IncomingMessage, response: ServerResponse) => {
      asked.push(String(incoming.headers['x-forwarded-for']));
      response.writeHead(413, { connection: 'close' }).end();
    };
    server.on('checkContinue', listener);
    const refused = await expecting('/upload', BLOCKED);
    expect(statusesIn(await refused.untilClosed())).toEqual([403]);
    await lastRow();
    const tooLarge = await expecting('/upload', FREE);
    expect(statusesIn(await tooLarge.untilClosed())).toEqual([413]);
    expect(await lastRow()).toMatchObject({ status: 413, outcome: 'served' });
    expect(asked).toEqual([FREE]);
    server.off('checkContinue', listener);
  });
});
