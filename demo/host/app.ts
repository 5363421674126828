import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DemoModule } from './demo.module.js';

/** What the demo host is made with. */
export interface DemoAppOptions {
  databaseUrl: string;
  adapter: 'express' | 'fastify';
  /** When the log is scanned: a cron expression in UTC, or `'off'`. @default every hour */
  detectionCron?: string | null;
}

/** The demo host, ready to listen; the schema is migrated on the way. */
export async function createDemoApp({
  databaseUrl,
  adapter,
  detectionCron,
}: DemoAppOptions): Promise<INestApplication> {
  const root = DemoModule.forDatabase(databaseUrl, detectionCron);
  const options = { logger: ['warn' as const, 'error' as const], abortOnError: false };
  if (adapter === 'express') return NestFactory.create(root, options);
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return NestFactory.create(root, new FastifyAdapter(), options);
}
