import {
  ConfigurableModuleBuilder,
  Global,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
} from '@nestjs/common';
import { DiscoveryModule, ModulesContainer } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DATA_SOURCE_NAME } from './database/data-source.js';
import { DATA_SOURCE } from './database/database.providers.js';
import { DetectionService } from './detection/detection.service.js';
import { BanService } from './response/ban.service.js';
import { IpTrackingEvents } from './response/ip-tracking-events.js';
import { RequestEdge } from './edge/request-edge.js';
import { GeoService } from './geo/geo-service.js';
import { IP_TRACKING_ENTITIES } from './ip-tracking.entities.js';
import {
  IP_TRACKING_SETTINGS,
  resolveOptions,
  type DisabledIpTrackingOptions,
  type IpTrackingOptions,
} from './ip-tracking.options.js';
import { ipTrackingProviders } from './ip-tracking.providers.js';
import { IpTrackingStatus } from './ip-tracking.status.js';
import {
  AuthThrottlerGuard,
  LIMIT_PARTS,
  THROTTLER_OPTIONS,
  THROTTLER_STORAGE,
} from './limits/auth-throttler.guard.js';
import { RateLimitGate } from './limits/rate-limit.gate.js';
import { LimitInterceptor } from './limits/limit.interceptor.js';
import { RateLimitService } from './limits/rate-limit.service.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { TooManyRequestsFilter } from './limits/too-many-requests.js';
import { PrivacyService } from './privacy/privacy.service.js';
import { requireOneModule } from './one-module.js';
import type { Token } from './provide.js';
import { RequestLogInterceptor } from './request-log/capture/request-log.interceptor.js';
import { RequestLogService } from './request-log/request-log.service.js';
import { Door } from './rules/door.js';
import { IpRuleGuard } from './rules/ip-rule.guard.js';
import { IpRuleService } from './rules/ip-rule.service.js';
import { RefusalFilter } from './rules/refusal.filter.js';

export type GivenOptions = IpTrackingOptions | DisabledIpTrackingOptions;

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<GivenOptions>({ moduleName: 'IpTracking' })
    .setClassMethodName('forRoot')
    .build();

/** What `forRoot()` was given, or `forRootAsync()` has made. */
export const GIVEN_OPTIONS = MODULE_OPTIONS_TOKEN as Token<GivenOptions>;

/**
 * Logs, guards, limits and watches every request of the app that imports it. What is made of what is written in the
 * rooms' providers, and nowhere else.
 */
@Global()
@Module({
  imports: [DiscoveryModule, TypeOrmModule.forFeature(IP_TRACKING_ENTITIES, DATA_SOURCE_NAME)],
  providers: [
    {
      provide: IP_TRACKING_SETTINGS,
      inject: [ModulesContainer, { token: GIVEN_OPTIONS, optional: true }],
      useFactory: (modules: ModulesContainer, options?: GivenOptions) =>
        resolveOptions(requireOneModule(modules, IpTrackingModule, options)),
    },
    ...ipTrackingProviders,
    IpRuleGuard,
    AuthThrottlerGuard,
    RateLimitGate,
    LimitInterceptor,
    RequestLogInterceptor,
    RefusalFilter,
    TooManyRequestsFilter,
  ],
  exports: [
    DATA_SOURCE,
    TypeOrmModule,
    // A guard or an interceptor is made anew in each module of the host that uses it, and finds there what it needs.
    Door,
    RequestEdge,
    RateLimiter,
    LIMIT_PARTS,
    THROTTLER_OPTIONS,
    THROTTLER_STORAGE,
    IpRuleGuard,
    IpRuleService,
    RateLimitService,
    GeoService,
    DetectionService,
    BanService,
    IpTrackingEvents,
    RequestLogService,
    PrivacyService,
    IpTrackingStatus,
  ],
})
export class IpTrackingModule {
  /**
   * Configures the module with values that are known when the module is loaded. It is global: an app has it once.
   *
   * @throws IpTrackingError when the app starts, for an option that is unknown or out of range, and
   * `IPT_IMPORTED_TWICE` for a second one.
   */
  static forRoot(options: IpTrackingOptions | DisabledIpTrackingOptions): DynamicModule {
    return ofThisModule(ConfigurableModuleClass.forRoot(options));
  }

  /** Configures the module with values that other providers give, such as those of a `ConfigService`. */
  static forRootAsync(
    options: ConfigurableModuleAsyncOptions<IpTrackingOptions | DisabledIpTrackingOptions>,
  ): DynamicModule {
    return ofThisModule(ConfigurableModuleClass.forRootAsync(options));
  }
}

function ofThisModule(made: DynamicModule): DynamicModule {
  return { ...made, module: IpTrackingModule };
}
