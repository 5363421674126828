import type { AddressInfo } from 'node:net';
import type {
  DynamicModule,
  INestApplication,
  LoggerService,
  Provider,
  Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IpTrackingModule, RequestLogService, type IpTrackingOptions } from '../../src/index.js';
import { eventually } from './eventually.js';
import { send, type TestRequest, type TestResponse } from './http.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

/** Every behaviour holds on both. */
export const ADAPTERS = ['express', 'fastify'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export interface HostOptions {
  adapter: Adapter;
  controllers?: Type[];
  providers?: Provider[];
  imports?: (Type | DynamicModule | Promise<DynamicModule>)[];
  /** On top of a trusted proxy at 127.0.0.1, no geolocation, and the test's own database. */
  options?: Partial<IpTrackingOptions>;
  /** Nest's HTTP adapter. @default the one of `adapter`, as it comes */
  httpAdapter?: AbstractHttpAdapter;
  /** How the app is opened to the world. @default it listens on a free port of 127.0.0.1 */
  listen?: (app: INestApplication) => Promise<unknown>;
  /** Before the app listens. */
  configure?: (app: INestApplication) => void | Promise<void>;
  database?: TestDatabase;
  /** How the module is configured. @default forRoot */
  module?: (options: IpTrackingOptions) => DynamicModule;
  /** Nest's own logger. @default silent */
  logger?: false | ('warn' | 'error')[] | LoggerService;
}

/** One row of the request log, as the database has it. */
export interface LogRow {
  id: string;
  timestamp: Date;
  ip_address: string | null;
  ip_source: string;
  method: string;
  path: string;
  route: string | null;
  status: number;
  outcome: string;
  duration_us: string;
  country: string | null;
  city: string | null;
  user_agent: string | null;
  user_id: string | null;
  sensitive: boolean;
  rule_id: number | null;
  reason: string | null;
  extra: Record<string, unknown> | null;
}

export interface Host {
  app: INestApplication;
  url: string;
  database: TestDatabase;
  send(request?: TestRequest | string): Promise<TestResponse>;
  /** The rows of the log, the oldest first, once there are as many as expected. */
  rows(expected: number): Promise<LogRow[]>;
  close(): Promise<void>;
}

/** A host app that listens on a free port, with a database of its own. */
export async function startHost(host: HostOptions): Promise<Host> {
  const database = host.database ?? (await createTestDatabase());
  const options: IpTrackingOptions = {
    database: { url: database.url },
    clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
    geo: false,
    ...host.options,
  };
  const root: DynamicModule = {
    module: class HostModule {},
    imports: [
      (host.module ?? ((given) => IpTrackingModule.forRoot(given)))(options),
      ...(host.imports ?? []),
    ],
    controllers: host.controllers ?? [],
    providers: host.providers ?? [],
  };
  const settings = { logger: host.logger ?? (false as const), abortOnError: false };
  const httpAdapter =
    host.httpAdapter ?? (host.adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter());
  const app = await NestFactory.create(root, httpAdapter, settings);
  await host.configure?.(app);
  await (host.listen?.(app) ?? app.listen(0, '127.0.0.1'));
  const address = app.getHttpServer().address() as AddressInfo | string | null;
  const url = typeof address === 'object' ? `http://127.0.0.1:${address?.port ?? 0}` : address;
  const ownsDatabase = host.database === undefined;
  return {
    app,
    url,
    database,
    send: (request) => send(url, request),
    rows: (expected) => rowsOf(app, database, expected),
    close: async () => {
      await app.close();
      if (ownsDatabase) await database.close();
    },
  };
}

async function rowsOf(
  app: INestApplication,
  database: TestDatabase,
  expected: number,
): Promise<LogRow[]> {
  const queue = app.get(RequestLogService);
  // The client has its answer a moment before the server has seen the response close.
  await eventually(() => queue.stats.enqueued >= expected, { what: `record ${expected}` });
  await queue.flush(5_000);
  return database.query<LogRow & Record<string, unknown>>(
    `select * from ip_tracking.request_log order by "timestamp", id`,
  );
}
