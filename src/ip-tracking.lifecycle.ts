import {
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core';
import type { Database } from './database/database.js';
import type { NotificationListener } from './database/notifications.js';
import { attachExpressEdge, type ExpressApplication } from './edge/express-edge.js';
import { attachFastifyEdge, type FastifyApplication } from './edge/fastify-edge.js';
import type { RequestEdge } from './edge/request-edge.js';
import { stampRoutes } from './edge/route-flags.js';
import type { GeoService } from './geo/geo-service.js';
import type { ResolvedOptions } from './ip-tracking.options.js';
import type { RequestLogPartitions } from './request-log/partitions.js';
import type { RequestQueue } from './request-log/request-queue.js';
import type { LiveRules } from './rules/live-rules.js';
import type { LimitStorage } from './throttle/limit-storage.js';

/** What the lifecycle starts and stops. */
export interface LifecycleParts {
  options: ResolvedOptions;
  adapterHost: HttpAdapterHost;
  discovery: DiscoveryService;
  scanner: MetadataScanner;
  edge: RequestEdge;
  database: Database;
  listener: NotificationListener;
  rules: LiveRules;
  geo: GeoService;
  queue: RequestQueue;
  partitions: RequestLogPartitions;
  limits: LimitStorage;
}

const HOUR_MS = 3_600_000;

/**
 * What happens when, in one place. Before the app listens: the edge is attached and the rules are loaded. After the
 * last response has closed: the last records are written, and only then is the database let go.
 */
export class IpTrackingLifecycle
  implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger('IpTracking');
  private upkeep: NodeJS.Timeout | null = null;
  private closing: Promise<void> | null = null;

  constructor(private readonly parts: LifecycleParts) {
    // In the constructor, because Nest registers its routes before it calls any lifecycle hook.
    this.attachEdge();
  }

  async onModuleInit(): Promise<void> {
    const { options, rules, listener, geo, adapterHost } = this.parts;
    const starts: Promise<unknown>[] = [];
    if (options.rules.isEnabled && options.rules.live) {
      starts.push(rules.start(listener, options.rules.startTimeoutMs));
    }
    // A program without a server places nobody, and need not read the data.
    if (options.geo.isEnabled && adapterHost.httpAdapter) starts.push(geo.ready());
    await Promise.all(starts);
    if (
      options.requestLog.isEnabled &&
      options.requestLog.sink === null &&
      adapterHost.httpAdapter
    ) {
      void this.makePartitions();
      this.upkeep = setInterval(() => void this.makePartitions(), HOUR_MS);
      this.upkeep.unref();
    }
  }

  async beforeApplicationShutdown(): Promise<void> {
    if (this.upkeep !== null) clearInterval(this.upkeep);
    await Promise.all([this.parts.rules.stop(), this.parts.listener.stop()]);
  }

  /** Nest calls this once the server has closed, so every record is in the queue. */
  onApplicationShutdown(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private attachEdge(): void {
    const { adapterHost, discovery, scanner, edge } = this.parts;
    const adapter = adapterHost.httpAdapter;
    if (!adapter) return;
    stampRoutes(discovery, scanner);
    const instance: unknown = adapter.getInstance();
    switch (adapter.getType()) {
      case 'express':
        attachExpressEdge(instance as ExpressApplication, edge);
        break;
      case 'fastify':
        attachFastifyEdge(instance as FastifyApplication, edge);
        break;
      default:
        this.logger.warn(
          `"${adapter.getType()}" is neither Express nor Fastify: requests that no route matches are neither logged nor blocked`,
        );
    }
  }

  private async makePartitions(): Promise<void> {
    try {
      await this.parts.partitions.ensure();
    } catch (error) {
      this.logger.warn(
        `the partitions of the request log could not be made, and will be tried again: ${(error as Error).message}`,
      );
    }
  }

  private async finish(): Promise<void> {
    const { queue, database, limits, options } = this.parts;
    const left = await queue.flush(options.requestLog.shutdownTimeoutMs);
    queue.stop();
    if (left > 0) {
      this.logger.error(`${left} records of the request log could not be written and are lost`);
    }
    await limits.close?.();
    await database.close();
  }
}
