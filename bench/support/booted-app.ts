/**
 * A hello-world with a TypeORM connection of its own, without the module or with it, that has just booted: tells its
 * parent what processor time that took, and later what memory.
 */
import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Controller, Get, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';

const url = process.env['BENCH_DATABASE_URL']!;
/** What is loaded to run the module is part of what it costs. */
const options = process.env['BENCH_OPTIONS'];

@Controller()
class HelloController {
  @Get()
  hello(): string {
    return 'Hello World!';
  }
}

@Module({ controllers: [HelloController] })
class AppModule {}

async function tracking(): Promise<DynamicModule[]> {
  if (options === undefined) return [];
  // As it is published: in one file.
  const { IpTrackingModule } = (await import(
    new URL('../../../dist/library/index.mjs', import.meta.url).href
  )) as typeof import('../../src/index.js');
  return [
    IpTrackingModule.forRoot({
      database: { url },
      clientIp: { strategy: 'trusted-proxies', proxies: ['127.0.0.1'] },
      stateDir: false,
      ...(JSON.parse(options) as object),
    }),
  ];
}

const host = await new DataSource({ type: 'postgres', url }).initialize();
await host.query('select 1');
const root = { module: AppModule, imports: await tracking() };
const app =
  process.env['BENCH_ADAPTER'] === 'fastify'
    ? await NestFactory.create(root, new FastifyAdapter(), { logger: ['error'] })
    : await NestFactory.create(root, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
const response = await fetch(`http://127.0.0.1:${port}/`, {
  headers: { 'x-forwarded-for': '66.0.0.1' },
});
if ((await response.text()) !== 'Hello World!') throw new Error(`it answered ${response.status}`);
const { user, system } = process.cpuUsage();
// Until whatever a boot leaves to be done has been done.
await setTimeout(2_000);
globalThis.gc!();
process.send!({ bootMicros: user + system, residentBytes: process.memoryUsage().rss });
await app.close();
await host.destroy();
process.disconnect();
