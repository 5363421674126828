/**
 * A hello-world in a process of its own, bare or with the module on. It is told what to be by its environment, listens
 * on a free port, and answers its parent's questions about the processor time it has used.
 */
import 'reflect-metadata';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Controller,
  Get,
  Injectable,
  Module,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Pool } from 'pg';
import type { Observable } from 'rxjs';
import { bearFor, type PrototypeGiver } from '../../src/edge/born-requests.js';
import { optimizeNextTick } from '../../src/edge/next-tick.js';
import { IpTrackingModule } from '../../src/index.js';

const url = process.env['BENCH_DATABASE_URL']!;
const isFastify = process.env['BENCH_ADAPTER'] === 'fastify';

@Controller()
class HelloController {
  @Get()
  hello(): string {
    return 'Hello World!';
  }
}

@Injectable()
class EmptyInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

/** What a first version does: a query and an insert for each request, awaited. */
@Injectable()
class QueryingGuard implements CanActivate {
  private readonly pool = new Pool({ connectionString: url, max: 10 });

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    const address = request.headers['x-forwarded-for'] ?? '127.0.0.1';
    const { rowCount } = await this.pool.query(
      `select 1 from ip_tracking.ip_rule where action = 'block' and network >>= $1::inet limit 1`,
      [address],
    );
    await this.pool.query(
      `insert into ip_tracking.request_log (id, "timestamp", ip_address, ip_source, method, path, status, outcome, duration_us)
       values (gen_random_uuid(), now(), $1, 'socket', 'GET', '/', 200, 'served', 1)`,
      [address],
    );
    return rowCount === 0;
  }
}

function tracking(): DynamicModule {
  return IpTrackingModule.forRoot({
    database: { url },
    clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
    detection: { cron: false },
    stateDir: process.env['BENCH_STATE_DIR'] ?? false,
    ...(JSON.parse(process.env['BENCH_OPTIONS'] ?? '{}') as object),
    ...(process.env['BENCH_SINK'] === 'none' && {
      requestLog: { sink: { write: () => Promise.resolve() } },
    }),
  });
}

const VARIANTS: Record<string, DynamicModule> = {
  bare: { module: class Bare {} },
  interceptor: {
    module: class Interceptor {},
    providers: [{ provide: APP_INTERCEPTOR, useClass: EmptyInterceptor }],
  },
  querying: {
    module: class Querying {},
    providers: [{ provide: APP_GUARD, useClass: QueryingGuard }],
  },
};

@Module({ controllers: [HelloController] })
class AppModule {
  static variant(name: string): DynamicModule {
    return { module: AppModule, imports: [name === 'module' ? tracking() : VARIANTS[name]!] };
  }
}

/** What a tick takes that does nothing but begin the next, in nanoseconds. */
function nanosecondsOfATick(): Promise<number> {
  const count = 200_000;
  const before = performance.now();
  return new Promise((resolve) => {
    let left = count;
    const tick = (): void => {
      left -= 1;
      if (left > 0) process.nextTick(tick);
      else resolve(((performance.now() - before) * 1e6) / count);
    };
    process.nextTick(tick);
  });
}

/** What the module makes fast in node is so in the bare app as well that it is compared with. */
const isFast = process.env['BENCH_FAST'] === '1';
if (isFast) optimizeNextTick();
/** What serves: an app, or node's own server that refuses everybody. */
interface Served {
  server: Server;
  close(): Promise<void>;
}

async function served(variant: string): Promise<Served> {
  if (variant === 'node') {
    const body = JSON.stringify({ statusCode: 403, message: 'Forbidden' });
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const server = createServer((_, response) => response.writeHead(403, headers).end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, close: async () => void server.close() };
  }
  const root = AppModule.variant(variant);
  const app = isFastify
    ? await NestFactory.create(root, new FastifyAdapter(), { logger: ['error'] })
    : await NestFactory.create(root, { logger: ['error'] });
  if (isFast && !isFastify) {
    const express = app.getHttpAdapter().getInstance() as PrototypeGiver;
    bearFor(express, app.getHttpServer());
  }
  await app.listen(0, '127.0.0.1');
  return { server: app.getHttpServer() as Server, close: () => app.close() };
}

const app = await served(process.env['BENCH_VARIANT'] ?? 'bare');
// A benchmark that fails leaves nobody behind.
process.on('disconnect', () => process.exit(1));
process.on('message', (question) => {
  if (question === 'usage') process.send!({ usage: process.cpuUsage() });
  // In kilobytes, as getrusage has it: the most that was ever resident.
  else if (question === 'memory') process.send!({ memory: process.resourceUsage().maxRSS * 1_024 });
  else if (question === 'tick') void nanosecondsOfATick().then((tick) => process.send!({ tick }));
  else if (question === 'stop') void app.close().then(() => process.exit(0));
});
process.send!({ port: (app.server.address() as AddressInfo).port });
