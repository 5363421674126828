import { Module, type DynamicModule } from '@nestjs/common';
import {
  APP_FILTER,
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  MetadataScanner,
} from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AnomalyScan } from './detection/detection.service.js';
import { DATA_SOURCE_NAME } from './database/data-source.js';
import { Database } from './database/database.js';
import { NotificationListener } from './database/notifications.js';
import { RequestEdge } from './edge/request-edge.js';
import { GeoService } from './geo/geo-service.js';
import { IP_TRACKING_ENTITIES } from './ip-tracking.entities.js';
import { IpTrackingLifecycle, type LifecycleParts } from './ip-tracking.lifecycle.js';
import { ClientIpResolver } from './net/client-ip.js';
import { PrivacyService } from './privacy/privacy.service.js';
import { RecordIntake } from './request-log/capture/record-intake.js';
import { RequestLogInterceptor } from './request-log/capture/request-log.interceptor.js';
import { RequestQueue } from './request-log/queue/request-queue.js';
import { RequestLogUpkeep } from './request-log/table/upkeep.js';
import { Door } from './rules/door.js';
import { IpRuleGuard } from './rules/ip-rule.guard.js';
import { IpRuleService } from './rules/ip-rule.service.js';
import { LiveRules } from './rules/live-rules.js';
import { RefusalFilter } from './rules/refusal.filter.js';
import { ProtectedNetworkRepository } from './rules/protected-network.repository.js';
import {
  AuthThrottlerGuard,
  RateLimitGate,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
} from './limits/auth-throttler.guard.js';
import { LimitDoor } from './limits/limit-door.js';
import { LimitPolicies } from './limits/limit-policy.js';
import { RateLimitService } from './limits/rate-limit.service.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { TooManyRequestsFilter } from './limits/too-many-requests.js';
import { anomaly } from './wiring/anomaly.js';
import { LIMIT_STORAGE, limits } from './wiring/limits.js';
import { optimizeNextTick } from './wiring/next-tick.js';
import { privacy } from './wiring/privacy.js';
import { provide } from './wiring/provide.js';
import { requestLog } from './wiring/request-log.js';
import { rules } from './wiring/rules.js';
import {
  type ASYNC_OPTIONS_TYPE,
  ConfigurableModuleClass,
  DATA_SOURCE,
  type OPTIONS_TYPE,
  RESOLVED_OPTIONS,
  settings,
} from './wiring/settings.js';
import { upkeep } from './wiring/upkeep.js';

/** The parts that the lifecycle starts and stops, by the names it knows them by. */
const LIFECYCLE_PARTS = {
  options: RESOLVED_OPTIONS,
  adapterHost: HttpAdapterHost,
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  resolver: ClientIpResolver,
  edge: RequestEdge,
  database: Database,
  listener: NotificationListener,
  rules: LiveRules,
  networks: ProtectedNetworkRepository,
  geo: GeoService,
  intake: RecordIntake,
  queue: RequestQueue,
  upkeep: RequestLogUpkeep,
  limits: LIMIT_STORAGE,
  ruleGuard: IpRuleGuard,
  limitGate: RateLimitGate,
  policies: LimitPolicies,
} satisfies Record<keyof LifecycleParts, unknown>;

const lifecycle = provide(
  IpTrackingLifecycle,
  Object.values(LIFECYCLE_PARTS),
  (...parts: unknown[]) => {
    const names = Object.keys(LIFECYCLE_PARTS);
    const named = Object.fromEntries(names.map((name, index) => [name, parts[index]]));
    return new IpTrackingLifecycle(named as unknown as LifecycleParts);
  },
);

/**
 * Logs, guards, limits and watches every request of the app that imports it. What is made of what is written in
 * `wiring/`, and nowhere else.
 */
@Module({
  imports: [DiscoveryModule, TypeOrmModule.forFeature(IP_TRACKING_ENTITIES, DATA_SOURCE_NAME)],
  providers: [
    ...settings,
    ...rules,
    ...requestLog,
    ...privacy,
    ...upkeep,
    ...limits,
    ...anomaly,
    lifecycle,
    IpRuleGuard,
    AuthThrottlerGuard,
    RateLimitGate,
    RequestLogInterceptor,
    { provide: APP_FILTER, useClass: RefusalFilter },
    { provide: APP_FILTER, useClass: TooManyRequestsFilter },
  ],
  // A guard or an interceptor is made anew in each module of the host that uses it, and finds there what is exported.
  exports: [
    DATA_SOURCE,
    TypeOrmModule,
    Door,
    RequestEdge,
    RateLimiter,
    RateLimitService,
    LimitDoor,
    LimitPolicies,
    THROTTLER_OPTIONS,
    THROTTLER_STORAGE,
    IpRuleGuard,
    IpRuleService,
    GeoService,
    AnomalyScan,
    RequestQueue,
    RequestLogUpkeep,
    PrivacyService,
  ],
})
export class IpTrackingModule extends ConfigurableModuleClass {
  /**
   * Configures the module with values that are known when the module is loaded.
   *
   * @throws IpTrackingError when the app starts, for an option that is unknown or out of range.
   */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    optimizeNextTick();
    return { ...super.forRoot(options), global: true };
  }

  /** Configures the module with values that other providers give, such as those of a `ConfigService`. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    optimizeNextTick();
    return { ...super.forRootAsync(options), global: true };
  }
}
