import { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { plainRefusal } from './custom-refusal.js';
import { ExpressCors, type MiddlewareLayer } from './express-cors.js';
import { FastifyCors } from './fastify-cors.js';
import { askCors, isForCors, isPreflight, withCors } from './host-cors.js';

const ORIGIN = 'https://shop.example';
const request = (method: string, headers: Record<string, string>) =>
  ({ method, headers, url: '/' }) as unknown as IncomingMessage;
const arrival = { raw: request('GET', { origin: ORIGIN }), request: {} };

const PROTOTYPES = { request: IncomingMessage.prototype, response: ServerResponse.prototype };

type Middleware = MiddlewareLayer['handle'];

function expressCors(...handles: Middleware[]): ExpressCors {
  const layers = handles.map((handle) => ({ handle, match: () => true }));
  for (const { handle } of layers) {
    Object.defineProperty(handle, 'name', { value: 'corsMiddleware' });
  }
  const cors = new ExpressCors(
    PROTOTYPES,
    () => layers,
    () => '/',
  );
  expect(cors.areSet).toBe(handles.length > 0);
  return cors;
}

describe('what CORS settings are asked about', () => {
  it.each([
    ['GET', { origin: ORIGIN }, true, false],
    ['POST', { origin: 'null' }, true, false],
    ['GET', {}, false, false],
    ['OPTIONS', { origin: ORIGIN, 'access-control-request-method': 'PUT' }, true, true],
    ['OPTIONS', { origin: ORIGIN }, false, false],
    ['OPTIONS', { 'access-control-request-method': 'PUT' }, false, false],
    ['GET', { origin: ORIGIN, 'access-control-request-method': 'PUT' }, true, false],
  ])('%s %j: %s, as a preflight: %s', (method, headers, isAsked, isInAdvance) => {
    const raw = request(method, headers);
    expect([isForCors(raw), isPreflight(raw)]).toEqual([isAsked, isInAdvance]);
  });
});

describe('what they say', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is of all of them, in their order, up to the one that answers', async () => {
    const cors = expressCors(
      (_, response, next) => {
        response.setHeader('Vary', 'Origin');
        next();
      },
      (_, response) => {
        response.setHeader('Access-Control-Allow-Origin', ORIGIN);
        response.statusCode = 204;
        response.end();
      },
      () => {
        throw new Error('is not asked');
      },
    );
    expect(await askCors(cors, arrival)).toEqual({
      status: 204,
      headers: { vary: 'Origin', 'access-control-allow-origin': ORIGIN },
    });
  });

  it.each<[string, Middleware]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['hands on an error', (_, __, next) => next(new Error('no'))],
    ['never calls back', () => undefined],
  ])('is nothing where a function of the host %s, and where one behind it does', async (_, bad) => {
    for (const cors of [
      expressCors(bad),
      expressCors((__, ___, next) => queueMicrotask(next), bad),
    ]) {
      const said = askCors(cors, arrival);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await said).toBeNull();
    }
  });

  it('may come late without harm to anybody', async () => {
    let late: () => void = () => undefined;
    const cors = expressCors((_, response, next) => {
      late = () => {
        response.setHeader('Access-Control-Allow-Origin', ORIGIN);
        response.end();
        next();
      };
    });
    const said = askCors(cors, arrival);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await said).toBeNull();
    expect(late).not.toThrow();
    expect(late).not.toThrow();
  });

  it('is asked of the hook that Nest keeps, or of the one with its name', async () => {
    const hook = (
      _: unknown,
      reply: { header(name: string, value: string): void },
      next: () => void,
    ) => {
      reply.header('Access-Control-Allow-Origin', ORIGIN);
      next();
    };
    const handleCors = (
      given: unknown,
      reply: { header(name: string, value: string): void },
      _: unknown,
      next: () => void,
    ) => hook(given, reply, next);
    const said = { status: null, headers: { 'access-control-allow-origin': ORIGIN } };
    for (const cors of [
      new FastifyCors({ corsHook: hook }, () => ({})),
      new FastifyCors({}, () => ({ onRequest: [() => undefined], preParsing: [handleCors] })),
    ]) {
      expect(cors.areSet).toBe(true);
      expect(await askCors(cors, arrival)).toEqual(said);
    }
    const none = new FastifyCors({}, () => ({ onRequest: [() => undefined] }));
    expect(none.areSet).toBe(false);
    expect(await askCors(none, arrival)).toBeNull();
  });
});

describe('a refusal with them', () => {
  const plain = plainRefusal(403);

  it('has what says who may read it, and nothing else of theirs', () => {
    const said = {
      status: null,
      headers: { vary: 'Origin', 'access-control-allow-origin': ORIGIN, 'content-length': '0' },
    };
    expect(withCors(plain, said)).toMatchObject({
      status: 403,
      body: plain.body,
      headers: { ...plain.headers, vary: 'Origin', 'access-control-allow-origin': ORIGIN },
    });
    expect(withCors(plain, null)).toBe(plain);
  });

  it('has no header that cannot be sent', () => {
    const said = {
      status: null,
      headers: { 'access-control-allow-origin': 'a\nb', vary: 'Origin' },
    };
    expect(withCors({ ...plain, hasPlainHeaders: true }, said).headers).toEqual({
      ...plain.headers,
      vary: 'Origin',
    });
  });
});
