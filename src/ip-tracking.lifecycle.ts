import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Logger,
  type BeforeApplicationShutdown,
  type CanActivate,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core';
import { isTransient } from './database/connection-error.js';
import type { Database } from './database/database.js';
import type { NotificationListener } from './database/notifications.js';
import { attachEdge } from './edge/attach-edge.js';
import type { RequestEdge } from './edge/request-edge.js';
import type { GeoService } from './geo/geo-service.js';
import type { ResolvedOptions } from './resolved-options.js';
import type { ClientIpResolver } from './net/client-ip.js';
import { parsePrefix, type Prefix } from './net/prefix.js';
import type { RecordIntake } from './request-log/capture/record-intake.js';
import { LimitInterceptor } from './request-log/capture/request-log.interceptor.js';
import type { RequestQueue } from './request-log/queue/request-queue.js';
import type { RequestLogUpkeep } from './request-log/table/upkeep.js';
import type { LiveRules } from './rules/live-rules.js';
import type { ProtectedNetworkRepository } from './rules/protected-network.repository.js';
import { SecondSignal } from './second-signal.js';
import { settleInLastGuard } from './limits/last-guard.js';
import type { LimitStorage } from './limits/store/limit-storage.js';
import type { LimitPolicies } from './limits/limit-policy.js';

/** What the lifecycle starts and stops. */
export interface LifecycleParts {
  options: ResolvedOptions;
  adapterHost: HttpAdapterHost;
  discovery: DiscoveryService;
  scanner: MetadataScanner;
  resolver: ClientIpResolver;
  edge: RequestEdge;
  database: Database;
  listener: NotificationListener;
  rules: LiveRules;
  networks: ProtectedNetworkRepository;
  geo: GeoService;
  intake: RecordIntake;
  queue: RequestQueue;
  upkeep: RequestLogUpkeep;
  limits: LimitStorage;
  ruleGuard: CanActivate;
  limitGate: CanActivate;
  policies: LimitPolicies;
}

const HOUR_MS = 3_600_000;
const RETRY_MS = 15_000;
/** How long connections are given to take their leave, in milliseconds: where packets vanish nobody says goodbye. */
const LEAVE_MS = 2_000;
/** How long responses that are still open once the server has closed are waited for, in milliseconds. */
const LAST_RESPONSES_MS = 500;

/**
 * What happens when, in one place. Before the app listens: the edge is attached and the rules are loaded. After the
 * last response has closed: the last records are written, and only then is the database let go.
 */
export class IpTrackingLifecycle
  implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger('IpTracking');
  private upkeep: NodeJS.Timeout | null = null;
  private isReady = false;
  private isClosing = false;
  private closing: Promise<void> | null = null;
  private readonly secondSignal = new SecondSignal(() => performance.now());

  constructor(private readonly parts: LifecycleParts) {
    // In the constructor, because Nest registers its routes before it calls any lifecycle hook.
    this.attachEdge();
  }

  async onModuleInit(): Promise<void> {
    const { options, rules, edge, listener, geo, queue, adapterHost } = this.parts;
    const starts: Promise<unknown>[] = [];
    if (options.rules.isEnabled && options.rules.live) {
      if (options.rules.endWebSockets) rules.whenChanged(() => void edge.endRefused());
      starts.push(rules.start(listener, options.rules.startTimeoutMs));
    }
    // A program without a server places nobody, and need not read the data.
    if (options.geo.isEnabled && adapterHost.httpAdapter) starts.push(geo.ready());
    await Promise.all(starts);
    this.isReady = true;
    // What an earlier process has left in the spool is delivered while the app starts, and does not hold it up.
    if (options.requestLog.isEnabled) queue.start();
    if (adapterHost.httpAdapter) void this.keepUp();
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    if (signal !== undefined && !this.isClosing) this.secondSignal.listen();
    this.isClosing = true;
    if (this.upkeep !== null) clearTimeout(this.upkeep);
    const { rules, listener } = this.parts;
    await this.shortly(Promise.all([rules.stop(), listener.stop()]));
  }

  /** Nest calls this once the server has closed, so that every record is in the queue, or is about to be. */
  onApplicationShutdown(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private attachEdge(): void {
    const { options, policies } = this.parts;
    const { rateLimits } = options;
    const config = attachEdge({
      ...this.parts,
      isReady: () => this.isReady,
      warn: (message) => this.logger.warn(message),
      onController: (controller, methods) => {
        const isLimited = (method: object): boolean =>
          rateLimits.isEnabled && policies.of(method, controller).policy !== null;
        settleInLastGuard(controller, methods, LimitInterceptor, isLimited);
      },
    });
    // Here, and not as `APP_GUARD`s, because those come after the ones of modules that were imported earlier: whoever
    // is blocked must not reach a host's guard, and what a host's guard refuses must have been counted.
    config.addGlobalGuard(this.parts.ruleGuard);
    if (rateLimits.isEnabled) config.addGlobalGuard(this.parts.limitGate);
  }

  /** What has to be done in the database from time to time; soon again where it could not be done. */
  private async keepUp(): Promise<void> {
    let nextMs = HOUR_MS;
    try {
      await this.keepTables();
      await this.announce();
    } catch (error) {
      nextMs = RETRY_MS;
      // An outage is reported by whoever has records or rules to lose.
      if (!isTransient(error) && !this.isClosing) {
        this.logger.warn(`the database cannot be kept up: ${(error as Error).message}`);
      }
    }
    if (this.isClosing) return;
    this.upkeep = setTimeout(() => void this.keepUp(), nextMs);
    this.upkeep.unref();
  }

  private async keepTables(): Promise<void> {
    const { options, upkeep } = this.parts;
    if (options.requestLog.isEnabled && options.requestLog.sink === null) await upkeep.run();
  }

  /** Says what this app would not survive being blocked, for whoever makes a rule elsewhere. */
  private async announce(): Promise<void> {
    const { options, networks, resolver } = this.parts;
    if (!options.rules.isEnabled) return;
    await networks.announce('trusted proxy', resolver.trustedPrefixes);
    await networks.announce('own address', ownAddresses());
  }

  private async finish(): Promise<void> {
    const { intake, queue, geo, database, limits, options } = this.parts;
    await this.unlessHurried(this.lastResponses());
    await this.unlessHurried(intake.settle());
    const lost = await queue.close(options.requestLog.shutdownTimeoutMs, this.secondSignal.signal);
    if (lost > 0) {
      this.logger.error(`${lost} records of the request log could not be written and are lost`);
    }
    await this.unlessHurried(Promise.resolve(limits.close?.()));
    await this.unlessHurried(geo.close());
    await this.shortly(database.close());
    this.secondSignal.stop();
  }

  /**
   * Node says that a server has closed a moment before it says so of the responses on its last connections. Those of a
   * server that the host has made, and does not close, are not waited for in full.
   */
  private async lastResponses(): Promise<void> {
    const deadline = performance.now() + LAST_RESPONSES_MS;
    while (this.parts.edge.inFlight > 0 && performance.now() < deadline) await sleep(5);
  }

  private shortly(work: Promise<unknown>): Promise<void> {
    return this.unlessHurried(Promise.race([work, sleep(LEAVE_MS, null, { ref: false })]));
  }

  private async unlessHurried(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.secondSignal.heard]);
  }
}

function ownAddresses(): Prefix[] {
  return Object.values(networkInterfaces())
    .flat()
    .flatMap((found) => parsePrefix(found?.address.split('%', 1)[0] ?? '') ?? []);
}
