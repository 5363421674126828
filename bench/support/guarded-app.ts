/** A hello-world with one limiter or none, at a limit that never refuses; says to its parent what time it has used. */
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import fastifyRateLimit from '@fastify/rate-limit';
import { Controller, Get, Module, UseGuards, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { rateLimit } from 'express-rate-limit';
import { bearFor, type PrototypeGiver } from '../../src/edge/born-requests.js';
import { optimizeNextTick } from '../../src/edge/next-tick.js';
import { IpTrackingModule, Sensitive } from '../../src/index.js';

const LIMIT = 1_000_000;
const TTL_MS = 60_000;
const variant = process.env['BENCH_VARIANT'] ?? 'bare';

@Controller()
class HelloController {
  @Get()
  hello(): string {
    return 'Hello World!';
  }
}

@Controller()
class SensitiveController {
  @Get()
  @Sensitive()
  hello(): string {
    return 'Hello World!';
  }
}

@Controller()
class ThrottledController {
  @Get()
  @UseGuards(ThrottlerGuard)
  hello(): string {
    return 'Hello World!';
  }
}

function tracking(): DynamicModule {
  return IpTrackingModule.forRoot({
    database: { url: process.env['BENCH_DATABASE_URL']! },
    clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
    rateLimits: { anonymous: LIMIT, authenticated: LIMIT, ttlMs: TTL_MS },
    requestLog: false,
    geo: false,
    detection: false,
    stateDir: false,
  });
}

const VARIANTS: Record<string, { controller: Type; imports?: () => DynamicModule[] }> = {
  bare: { controller: HelloController },
  module: { controller: HelloController, imports: () => [tracking()] },
  sensitive: { controller: SensitiveController, imports: () => [tracking()] },
  throttler: {
    controller: ThrottledController,
    imports: () => [ThrottlerModule.forRoot([{ limit: LIMIT, ttl: TTL_MS }])],
  },
  adapter: { controller: HelloController },
};

@Module({})
class AppModule {}

const { controller, imports } = VARIANTS[variant]!;
const root = { module: AppModule, controllers: [controller], imports: imports?.() ?? [] };
const logger = ['error' as const];

/** Clients are told apart by X-Forwarded-For in every variant. */
async function listeningExpress(): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(root, { logger });
  app.set('trust proxy', '127.0.0.1');
  if (variant === 'adapter') app.use(rateLimit({ limit: LIMIT, windowMs: TTL_MS }));
  return app;
}

async function listeningFastify(): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ trustProxy: '127.0.0.1' });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger });
  if (variant === 'adapter') {
    await app.register(fastifyRateLimit, {
      max: LIMIT,
      timeWindow: TTL_MS,
      cache: 1_000_000,
    });
  }
  return app;
}

// What our module makes fast in node is so for its peers as well.
optimizeNextTick();
const app =
  process.env['BENCH_ADAPTER'] === 'fastify' ? await listeningFastify() : await listeningExpress();
if (app.getHttpAdapter().getType() === 'express') {
  const express = app.getHttpAdapter().getInstance() as unknown as PrototypeGiver;
  bearFor(express, app.getHttpServer());
}
await app.listen(0, '127.0.0.1');
// A benchmark that fails leaves nobody behind.
process.on('disconnect', () => process.exit(1));
process.on('message', (question) => {
  if (question === 'usage') process.send!({ usage: process.cpuUsage() });
  else if (question === 'stop') void app.close().then(() => process.exit(0));
});
process.send!({ port: (app.getHttpServer().address() as AddressInfo).port });
