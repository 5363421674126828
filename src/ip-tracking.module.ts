import {
  ConfigurableModuleBuilder,
  Logger,
  Module,
  type DynamicModule,
  type FactoryProvider,
} from '@nestjs/common';
import {
  APP_GUARD,
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
  ModulesContainer,
} from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AnomalyScanJob } from './anomaly/anomaly-scan.job.js';
import { AnomalyScan } from './anomaly/anomaly-scan.js';
import { requestVolumeDetector } from './anomaly/detectors/request-volume.js';
import { sensitivePathDetector } from './anomaly/detectors/sensitive-path.js';
import { createDataSource, DATA_SOURCE_NAME } from './database/data-source.js';
import { Database } from './database/database.js';
import { NotificationListener } from './database/notifications.js';
import { RequestEdge } from './edge/request-edge.js';
import { GeoService } from './geo/geo-service.js';
import { GeoipLiteProvider } from './geo/geoip-lite-provider.js';
import { IP_TRACKING_ENTITIES } from './ip-tracking.entities.js';
import { IpTrackingLifecycle } from './ip-tracking.lifecycle.js';
import {
  resolveOptions,
  type IpTrackingOptions,
  type ResolvedOptions,
} from './ip-tracking.options.js';
import { createClientIpResolver } from './net/client-ip.js';
import { writeIsolating } from './request-log/isolating-write.js';
import { RequestLogPartitions } from './request-log/partitions.js';
import { PostgresSink } from './request-log/postgres-sink.js';
import { RequestLogInterceptor } from './request-log/request-log.interceptor.js';
import { RequestLogger } from './request-log/request-logger.js';
import { RequestQueue } from './request-log/request-queue.js';
import type { PlacedRecord, RequestSink } from './request-log/request-record.js';
import { SensitivePaths } from './request-log/sensitive-paths.js';
import { Door } from './rules/door.js';
import { IpRuleGuard } from './rules/ip-rule.guard.js';
import { IpRuleRepository } from './rules/ip-rule.repository.js';
import { IpRuleService } from './rules/ip-rule.service.js';
import { LiveRules, RULE_CHANNEL } from './rules/live-rules.js';
import {
  AuthThrottlerGuard,
  THROTTLER_NAME,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
  type AuthThrottlerOptions,
} from './throttle/auth-throttler.guard.js';
import type { LimitStorage } from './throttle/limit-storage.js';
import { MemoryLimitStorage } from './throttle/memory-limit-storage.js';
import { RateLimiter } from './throttle/rate-limiter.js';
import { toThrottlerStorage } from './throttle/throttler-storage.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<IpTrackingOptions>({ moduleName: 'IpTracking' })
    .setClassMethodName('forRoot')
    .build();

const RESOLVED_OPTIONS = Symbol('nestjs-ip-tracking.resolved-options');
const DATA_SOURCE = getDataSourceToken(DATA_SOURCE_NAME) as string;
const LIMIT_STORAGE = Symbol('nestjs-ip-tracking.limit-storage');
const logger = new Logger('IpTracking');

/** Declares how one part is made of others; TypeScript checks the factory, Nest the order. */
function provide(
  token: FactoryProvider['provide'],
  inject: NonNullable<FactoryProvider['inject']>,
  useFactory: FactoryProvider['useFactory'],
): FactoryProvider {
  return { provide: token, inject, useFactory };
}

const wallClock = (): number => Date.now();
const steadyClock = (): number => performance.now();

const settings = [
  provide(RESOLVED_OPTIONS, [MODULE_OPTIONS_TOKEN], resolveOptions),
  provide(DATA_SOURCE, [RESOLVED_OPTIONS], ({ database }: ResolvedOptions) =>
    createDataSource(database, IP_TRACKING_ENTITIES),
  ),
  provide(
    Database,
    [DATA_SOURCE, RESOLVED_OPTIONS],
    (dataSource: DataSource, { database }: ResolvedOptions) =>
      'dataSource' in database
        ? new Database(dataSource, false, false)
        : new Database(dataSource, true, database.migrationsRun ?? false),
  ),
];

const door = [
  provide(IpRuleRepository, [Database], (database: Database) => new IpRuleRepository(database)),
  provide(
    LiveRules,
    [IpRuleRepository, RESOLVED_OPTIONS],
    (repository: IpRuleRepository, { rules }: ResolvedOptions) =>
      new LiveRules(repository, {
        mode: rules.mode,
        pollIntervalMs: rules.pollIntervalMs,
        now: wallClock,
        onOutage: (error) =>
          error === null
            ? logger.log('the rules can be read again')
            : logger.error(
                `the rules cannot be read, so the last known ones hold: ${messageOf(error)}`,
              ),
        onRejected: ({ row, message }) => logger.error(`rule ${row.id} is left out: ${message}`),
      }),
  ),
  provide(
    NotificationListener,
    [DATA_SOURCE, LiveRules],
    (dataSource: DataSource, rules: LiveRules) =>
      new NotificationListener(dataSource, RULE_CHANNEL, rules.handlers),
  ),
  provide(
    IpRuleService,
    [IpRuleRepository, LiveRules, RESOLVED_OPTIONS],
    (repository: IpRuleRepository, live: LiveRules, { rules }: ResolvedOptions) =>
      new IpRuleService(repository, live, {
        isLive: rules.isEnabled && rules.live,
        now: wallClock,
      }),
  ),
  provide(
    Door,
    [LiveRules, RESOLVED_OPTIONS],
    (rules: LiveRules, options: ResolvedOptions) => new Door(rules, options.rules.isEnabled),
  ),
];

const geo = [
  provide(
    GeoService,
    [RESOLVED_OPTIONS],
    ({ geo: options }: ResolvedOptions) =>
      new GeoService(options.isEnabled ? (options.provider ?? new GeoipLiteProvider()) : null, {
        cacheTtlMs: options.cacheTtlMs,
        cacheMaxEntries: options.cacheMaxEntries,
        now: steadyClock,
        onError: (error) => logger.warn(`places are unknown: ${messageOf(error)}`),
      }),
  ),
];

const requestLog = [
  provide(
    RequestQueue,
    [Database, GeoService, RESOLVED_OPTIONS],
    (database: Database, places: GeoService, { requestLog: options }: ResolvedOptions) => {
      const sink: RequestSink = options.sink ?? new PostgresSink(database);
      return new RequestQueue({
        flushIntervalMs: options.flushIntervalMs,
        maxBatchSize: options.maxBatchSize,
        maxQueued: options.maxQueued,
        maxRetryMs: 5_000,
        write: async (records) => {
          const placed = records.map((record): PlacedRecord => ({
            ...record,
            ...places.lookup(record.ip),
          }));
          return writeIsolating(
            placed,
            (batch) => sink.write(batch),
            (record, error) =>
              logger.error(`record ${record.id} was refused and is lost: ${messageOf(error)}`),
          );
        },
        onOutage: (error) =>
          error === null
            ? logger.log('the request log is written again')
            : logger.error(
                `the request log cannot be written, so records wait in memory: ${messageOf(error)}`,
              ),
      });
    },
  ),
  provide(
    RequestLogger,
    [RequestQueue, RESOLVED_OPTIONS],
    (queue: RequestQueue, options: ResolvedOptions) =>
      new RequestLogger(
        queue,
        new SensitivePaths(options.anomalies.sensitivePaths),
        options.rateLimits.identify,
      ),
  ),
  provide(
    RequestLogPartitions,
    [Database],
    (database: Database) => new RequestLogPartitions(database, wallClock),
  ),
  provide(
    RequestEdge,
    [Door, RequestLogger, GeoService, RESOLVED_OPTIONS],
    (rules: Door, log: RequestLogger, places: GeoService, options: ResolvedOptions) =>
      new RequestEdge(
        createClientIpResolver(options.clientIp, {
          onWarning: ({ message }) => logger.warn(message),
        }),
        {
          refuses: (context) => rules.refuses(context),
          refusal: (context) => rules.refusal(context),
          onClosed: options.requestLog.isEnabled
            ? (context, response) => log.closed(context, response)
            : () => undefined,
          locate: (ip) => places.lookup(ip),
          now: wallClock,
        },
      ),
  ),
];

const limits = [
  provide(
    LIMIT_STORAGE,
    [RESOLVED_OPTIONS],
    ({ rateLimits }: ResolvedOptions): LimitStorage =>
      rateLimits.storage ?? new MemoryLimitStorage(),
  ),
  provide(
    RateLimiter,
    [LIMIT_STORAGE, RESOLVED_OPTIONS],
    (storage: LimitStorage, { rateLimits }: ResolvedOptions) =>
      new RateLimiter(storage, {
        identify: rateLimits.identify,
        ipv6PrefixLength: rateLimits.ipv6PrefixLength,
      }),
  ),
  provide(THROTTLER_STORAGE, [LIMIT_STORAGE], toThrottlerStorage),
  provide(
    THROTTLER_OPTIONS,
    [RESOLVED_OPTIONS],
    ({ rateLimits }: ResolvedOptions): AuthThrottlerOptions => ({
      isEnabled: rateLimits.isEnabled,
      authenticated: rateLimits.authenticated,
      throttlers: [{ name: THROTTLER_NAME, limit: rateLimits.anonymous, ttl: rateLimits.ttlMs }],
    }),
  ),
];

const anomaly = [
  provide(
    AnomalyScan,
    [Database, RESOLVED_OPTIONS],
    (database: Database, { anomalies }: ResolvedOptions) =>
      new AnomalyScan(
        database,
        [requestVolumeDetector(anomalies.requestsPerHour), sensitivePathDetector()],
        wallClock,
      ),
  ),
  provide(
    AnomalyScanJob,
    [AnomalyScan, ModulesContainer, RESOLVED_OPTIONS],
    (scan: AnomalyScan, modules: ModulesContainer, { anomalies }: ResolvedOptions) =>
      new AnomalyScanJob(scan, modules, anomalies.isEnabled && anomalies.cron),
  ),
];

const lifecycle = provide(
  IpTrackingLifecycle,
  [
    RESOLVED_OPTIONS,
    HttpAdapterHost,
    DiscoveryService,
    MetadataScanner,
    RequestEdge,
    Database,
    NotificationListener,
    LiveRules,
    GeoService,
    RequestQueue,
    RequestLogPartitions,
    LIMIT_STORAGE,
  ],
  (
    options: ResolvedOptions,
    adapterHost: HttpAdapterHost,
    discovery: DiscoveryService,
    scanner: MetadataScanner,
    edge: RequestEdge,
    database: Database,
    listener: NotificationListener,
    rules: LiveRules,
    places: GeoService,
    queue: RequestQueue,
    partitions: RequestLogPartitions,
    storage: LimitStorage,
  ) =>
    new IpTrackingLifecycle({
      options,
      adapterHost,
      discovery,
      scanner,
      edge,
      database,
      listener,
      rules,
      geo: places,
      queue,
      partitions,
      limits: storage,
    }),
);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Logs, guards, limits and watches every request of the app that imports it. This class is the composition root: what
 * depends on what is written here, and nowhere else.
 */
@Module({
  imports: [DiscoveryModule, TypeOrmModule.forFeature(IP_TRACKING_ENTITIES, DATA_SOURCE_NAME)],
  providers: [
    ...settings,
    ...door,
    ...geo,
    ...requestLog,
    ...limits,
    ...anomaly,
    lifecycle,
    IpRuleGuard,
    AuthThrottlerGuard,
    RequestLogInterceptor,
    { provide: APP_GUARD, useExisting: IpRuleGuard },
  ],
  // A guard or an interceptor is made anew in each module of the host that uses it, and finds there what is exported.
  exports: [
    DATA_SOURCE,
    TypeOrmModule,
    Door,
    RequestEdge,
    RateLimiter,
    THROTTLER_OPTIONS,
    THROTTLER_STORAGE,
    IpRuleGuard,
    IpRuleService,
    GeoService,
    AnomalyScan,
    RequestQueue,
  ],
})
export class IpTrackingModule extends ConfigurableModuleClass {
  /**
   * Configures the module with values that are known when the module is loaded.
   *
   * @throws IpTrackingError when the app starts, for an option that is unknown or out of range.
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    return { ...super.forRoot(options), global: true };
  }

  /** Configures the module with values that other providers give, such as those of a `ConfigService`. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return { ...super.forRootAsync(options), global: true };
  }
}
