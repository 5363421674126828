import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import {
  Body,
  Controller,
  Get,
  type INestApplication,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  Param,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sensitive } from '../../src/index.js';
import { ADAPTERS, startHost, type Adapter, type Host } from '../support/host-app.js';
import type { TestRequest } from '../support/http.js';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.js';

@Controller()
class Routes {
  @Post('echo')
  echo(@Body() body: unknown) {
    return body;
  }

  @Post('account/:id/key')
  @Sensitive()
  key(@Param('id') id: string) {
    return id;
  }

  @Get('items/:id')
  item(@Param('id') id: string) {
    return id;
  }
}

/** A host that authenticates before the router. */
@Injectable()
class Authenticates {
  use(request: IncomingMessage, _: ServerResponse, next: () => void) {
    if (request.headers.authorization === 'wrong') throw new UnauthorizedException();
    next();
  }
}

@Module({})
class AuthModule implements NestModule {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(Authenticates).forRoutes('{*path}');
  }
}

function configure(adapter: Adapter, app: INestApplication, root: string): void {
  if (adapter === 'fastify') {
    (app as NestFastifyApplication).useStaticAssets({ root, prefix: '/assets/' });
    return;
  }
  const express = app as NestExpressApplication;
  express.useStaticAssets(root, { prefix: '/assets/' });
  // As drivers of GraphQL mount theirs.
  express.use('/graphql', (_: IncomingMessage, response: ServerResponse) => {
    setTimeout(() => response.end('{"data":{}}'), 1);
  });
  express.use('/any/{*path}', (_: IncomingMessage, response: ServerResponse) => {
    response.end('by pattern');
  });
}

const MALFORMED = { body: '{"a":', headers: { 'content-type': 'application/json' } };

describe.each(ADAPTERS)('the row of a request on %s', (adapter) => {
  let host: Host;
  let folder: TemporaryFolder;
  let seen = 0;

  beforeAll(async () => {
    folder = temporaryFolder('assets');
    const root = join(folder.path, 'public');
    mkdirSync(root);
    writeFileSync(join(root, 'page.txt'), 'a page');
    host = await startHost({
      adapter,
      controllers: [Routes],
      imports: [AuthModule],
      configure: (app) => configure(adapter, app, root),
    });
  });
  afterAll(async () => {
    await host.close();
    await folder.remove();
  });

  async function rowOf(request: TestRequest) {
    await host.send(request);
    seen += 1;
    return (await host.rows(seen)).at(-1)!;
  }

  it.each<[string, TestRequest, object]>([
    [
      'a body that cannot be parsed',
      { path: '/echo', ...MALFORMED },
      { status: 400, route: '/echo', sensitive: false },
    ],
    [
      'the same on a sensitive route',
      { path: '/account/7/key', ...MALFORMED },
      { status: 400, route: '/account/:id/key', sensitive: true },
    ],
    [
      'a middleware that refuses',
      { path: '/items/7', headers: { authorization: 'wrong' } },
      { status: 401, outcome: 'refused', route: '/items/:id' },
    ],
    [
      'a middleware that refuses what no route is for',
      { path: '/nowhere', headers: { authorization: 'wrong' } },
      { status: 401, outcome: 'refused', route: null },
    ],
    ['a handler', { path: '/items/7' }, { status: 200, route: '/items/:id' }],
    ['no route', { path: '/nowhere' }, { status: 404, outcome: 'unmatched', route: null }],
    [
      'a method that the path has no route for',
      { path: '/echo', method: 'DELETE' },
      { status: 404, outcome: 'unmatched', route: null },
    ],
  ])('has the route of %s', async (_, request, expected) => {
    expect(await rowOf(request)).toMatchObject(expected);
  });

  it('has the place that static files are served from', async () => {
    expect(await rowOf({ path: '/assets/page.txt' })).toMatchObject({
      status: 200,
      route: adapter === 'express' ? '/assets/' : '/assets/*',
    });
  });

  it.runIf(adapter === 'express')('has the path that a middleware is mounted at', async () => {
    const body = { query: '{ hello }' };
    for (const path of ['/graphql', '/graphql?x=1', '/GraphQL/']) {
      expect(await rowOf({ path, body })).toMatchObject({ status: 200, route: '/graphql' });
    }
  });

  it.runIf(adapter === 'express')('never takes the text of a client for a route', async () => {
    const row = await rowOf({ path: '/any/thing-a-client-writes' });
    expect(row).toMatchObject({ status: 200, route: null });
    const missing = await rowOf({ path: '/assets/missing' });
    expect(missing).toMatchObject({ status: 404, outcome: 'unmatched', route: null });
  });
});
