// An app with limits in Redis, in a process of its own: told what to be by its environment, asked for its counters by
// its parent.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

const { dist, adapter, options } = JSON.parse(process.env['LIMITED_APP']);
const { IpTrackingModule, RateLimit, Sensitive } = await import(`${dist}/src/index.js`);
const { LIMIT_STORAGE } = await import(`${dist}/src/limits/limits.providers.js`);

class Routes {
  limited() {
    return 'ok';
  }
  closed() {
    return 'ok';
  }
  free() {
    return 'ok';
  }
}

/** What decorators do in TypeScript. */
function route(name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, name);
  for (const decorate of [Get(name), ...decorators]) decorate(Routes.prototype, name, descriptor);
}
route('limited', Sensitive());
route('closed', RateLimit({ name: 'closed', failClosed: true }));
route('free');
Controller()(Routes);

class App {}
Module({ imports: [IpTrackingModule.forRoot(options)], controllers: [Routes] })(App);

process.on('unhandledRejection', (error) => {
  process.send({ unhandled: String(error) });
});
const logger = ['error', 'warn', 'log'];
const app =
  adapter === 'express'
    ? await NestFactory.create(App, { logger })
    : await NestFactory.create(App, new FastifyAdapter(), { logger });
await app.listen(0, '127.0.0.1');
process.on('message', () => {
  process.send({ stats: app.get(LIMIT_STORAGE).stats() });
});
process.send({ port: app.getHttpServer().address().port });
