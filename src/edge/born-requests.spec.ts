import { EventEmitter, once } from 'node:events';
import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bearFor, makePlain } from './born-requests.js';

type App = ReturnType<typeof express>;
/** As Express' types have them, they are plain objects. */
const prototypesOf = ({ request, response }: App) => [request, response] as unknown[];
const PLAIN = [IncomingMessage.prototype, ServerResponse.prototype];

interface Seen {
  app: App;
  /** The prototypes of a request and its response, as the app is given them. */
  given: unknown[][];
}

/** An app that says with what prototypes it is given requests. */
function seeingApp(): Seen {
  const app = express();
  const given: unknown[][] = [];
  const { handle } = app as unknown as { handle: (...all: object[]) => void };
  Object.assign(app, {
    handle(request: object, response: object, ...rest: object[]) {
      given.push([Object.getPrototypeOf(request), Object.getPrototypeOf(response)]);
      handle.call(app, request, response, ...rest);
    },
  });
  app.get('/', (request, response) => void response.send(`of ${request.path}`));
  return { app, given };
}

async function ask(server: Server, path = '/'): Promise<string> {
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
  }
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return response.text();
}

describe('requests that are born as the framework has them', () => {
  it('have its prototypes before it sees them, and are served as ever', async () => {
    const { app, given } = seeingApp();
    const server = createServer(app);
    bearFor(app, server);
    expect(await ask(server)).toBe('of /');
    expect(given).toEqual([prototypesOf(app)]);
    expect(given[0]![0]).toBeInstanceOf(IncomingMessage);
    expect(given[0]![1]).toBeInstanceOf(ServerResponse);
    expect(given[0]!.map((each) => (each as object).constructor)).toEqual([
      IncomingMessage,
      ServerResponse,
    ]);
  });

  it("have what the host has added to its app's prototypes, before and after", async () => {
    const { app } = seeingApp();
    const known = app.request;
    Object.assign(app.request, { early: () => 'early' });
    const server = createServer(app);
    bearFor(app, server);
    Object.assign(known, { late: () => 'late' });
    Object.assign(app.response, { answer: () => 'answer' });
    app.get('/added', (request, response) => {
      const { early, late } = request as unknown as Record<string, () => string>;
      const { answer } = response as unknown as Record<string, () => string>;
      response.send(`${early!()} ${late!()} ${answer!()}`);
    });
    expect(await ask(server, '/added')).toBe('early late answer');
  });

  it("are the app's own where it is mounted in another", async () => {
    const { app } = seeingApp();
    bearFor(app, createServer(app));
    app.get('/whose', (request, response) => void response.send(String(request.app === app)));
    const outer = express();
    outer.use('/mounted', app);
    expect(await ask(createServer(outer), '/mounted/whose')).toBe('true');
  });

  it("have a mounted app's while it has them, and the app's again after it", async () => {
    const { app } = seeingApp();
    const inner = express();
    const seen: unknown[] = [];
    inner.use((request, _, next) => {
      seen.push(request.app === inner);
      next();
    });
    app.use('/inner', inner);
    app.get('/inner/out', (request, response) => void response.send(String(request.app === app)));
    const server = createServer(app);
    bearFor(app, server);
    expect(await ask(server, '/inner/out')).toBe('true');
    expect(seen).toEqual([true]);
  });

  it.each(['request', 'checkContinue', 'checkExpectation'])(
    'are plain once somebody else listens to %s, who may set what Express only has',
    async (event) => {
      const { app, given } = seeingApp();
      const server = createServer(app);
      bearFor(app, server);
      await ask(server);
      server.prependListener(event, (request: object) => Object.assign(request, { ip: 'mine' }));
      expect(await ask(server)).toBe('of /');
      expect(given).toEqual([prototypesOf(app), PLAIN]);
    },
  );

  it.each<[string, (server: Server) => void]>([
    ['listened before', (server) => void server.on('request', () => undefined)],
    [
      'answers expectations',
      (server) => {
        server.on('checkContinue', () => undefined);
        server.on('checkContinue', () => undefined);
      },
    ],
    [
      'serves in its place',
      (server) => {
        const [listener] = server.listeners('request');
        server.removeAllListeners('request');
        server.on('request', (...given) => listener!(...given));
      },
    ],
  ])('are plain where somebody else %s', async (_, prepare) => {
    const { app, given } = seeingApp();
    const server = createServer(app);
    prepare(server);
    bearFor(app, server);
    expect(await ask(server)).toBe('of /');
    expect(given).toEqual([PLAIN]);
  });

  it("are a host's own where it has given the server classes", async () => {
    class Mine extends IncomingMessage {}
    const { app, given } = seeingApp();
    const server = createServer({ IncomingMessage: Mine }, app);
    bearFor(app, server);
    expect(await ask(server)).toBe('of /');
    expect(given).toEqual([[Mine.prototype, ServerResponse.prototype]]);
  });

  it('are what they were where there is no server', () => {
    for (const nothing of [undefined, null, {}, new EventEmitter()]) {
      expect(() => bearFor({ request: {}, response: {} }, nothing)).not.toThrow();
    }
  });

  it('are plain again where they are told to be, and no others are touched', async () => {
    const { app } = seeingApp();
    const server = createServer(app);
    bearFor(app, server);
    const upgrades: IncomingMessage[] = [];
    server.on('upgrade', (request: IncomingMessage, socket) => {
      upgrades.push(request);
      socket.destroy();
    });
    await ask(server);
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    await once(socket, 'close');
    const [upgrade] = upgrades;
    expect(Object.getPrototypeOf(upgrade)).toBe(app.request);
    makePlain(upgrade!);
    expect(Object.getPrototypeOf(upgrade)).toBe(IncomingMessage.prototype);
    class Mine extends IncomingMessage {}
    const mine = Object.setPrototypeOf(upgrade, Mine.prototype) as IncomingMessage;
    makePlain(mine);
    expect(mine).toBeInstanceOf(Mine);
  });
});
