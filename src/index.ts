export { IpTrackingModule } from './ip-tracking.module.js';
export type { DisabledIpTrackingOptions, IpTrackingOptions } from './ip-tracking.options.js';
export { IpTrackingStatus, type IpTrackingReport } from './ip-tracking.status.js';
export { IpTrackingError, type IpTrackingErrorCode } from './ip-tracking.errors.js';
export { IP_TRACKING_ENTITIES } from './ip-tracking.entities.js';
export { IP_TRACKING_MIGRATIONS } from '../migrations/index.js';
export { DATA_SOURCE_NAME } from './database/data-source.js';
export type {
  DatabaseOptions,
  HostDatabaseOptions,
  OwnDatabaseOptions,
} from './database/database.options.js';
export { migrateDatabase } from './database/migrate-database.js';

export { IpAddress, parseIp } from './net/ip-address.js';
export { parsePrefix, Prefix } from './net/prefix.js';
export { PrefixSet, type PrefixSetOptions } from './net/prefix-set.js';
export type { SliceOptions } from './net/time-slice.js';
export { trackerKey } from './net/tracker-key.js';
export { ClientIpResolver, createClientIpResolver } from './net/client-ip.js';
export type {
  ClientIp as ResolvedClientIp,
  ClientIpHeaders,
  ClientIpHooks,
  ClientIpOptions,
  ClientIpPreset,
  ClientIpRequest,
  ClientIpSource,
  ClientIpWarning,
  HeaderClientIpOptions,
  HopsClientIpOptions,
  PresetClientIpOptions,
  SocketClientIpOptions,
  TrustedProxiesClientIpOptions,
} from './net/client-ip.options.js';
export type { ListHeader } from './net/forwarded-header.js';

export { ClientIp, Geo } from './edge/param-decorators.js';
export type { Decision, DecisionReason } from './edge/decision.js';
export type { EdgeOptions } from './edge/edge.options.js';
export { Login, reportAuthFailure, reportAuthSuccess } from './edge/auth-reports.js';
export type { Identify } from './edge/identify.js';
export type { StateOptions } from './state/state.options.js';

export type { GeoOptions } from './geo/geo.options.js';
export type { GeoPlace, GeoProvider } from './geo/geo-provider.js';
export { GeoService, type GeoStatus } from './geo/geo-service.js';
export { ChainGeoProvider } from './geo/chain-geo-provider.js';
export { GeoipLiteProvider } from './geo/geoip-lite-provider.js';
export { MaxMindProvider, type MaxMindProviderOptions } from './geo/maxmind-provider.js';
export { RemoteGeoProvider, type RemoteGeoProviderOptions } from './geo/remote-geo-provider.js';

export type { AddressMode, PrivacyOptions } from './privacy/privacy.options.js';
export { PrivacyService, type ErasedAddress, type ExportedRow } from './privacy/privacy.service.js';

export {
  AllowCountries,
  AllowIps,
  AllowlistOnly,
  BlockCountries,
  BlockIps,
  SkipIpRules,
} from './rules/decorators.js';
export type { RuleMode, WithoutRules } from './rules/decide.js';
export type { RulesStatus } from './rules/rules-in-force.js';
export type { AutomaticBlockOptions, RulesOptions } from './rules/rules.options.js';
export { IpRule, type RuleAction } from './rules/ip-rule.entity.js';
export { IpRuleGuard } from './rules/ip-rule.guard.js';
export { IpRuleService, type BlockDetails, type RuleDetails } from './rules/ip-rule.service.js';
export type { Explanation } from './rules/explanation.js';
export type { BlockedRequest, RefusalFactory } from './rules/refusal.js';
export type { CustomRefusal } from './edge/custom-refusal.js';

export { AuthThrottlerGuard } from './limits/auth-throttler.guard.js';
export { RateLimit, Sensitive } from './limits/decorators.js';
export { LimitInterceptor } from './limits/limit.interceptor.js';
export type {
  AttemptEnding,
  LimitDetails,
  LimitValue,
  RateLimitHeaders,
  RateLimitOptions,
  RouteRateLimit,
  ThrottledRequest,
} from './limits/limits.options.js';
export { RateLimitService, type ResetResult } from './limits/rate-limit.service.js';
export {
  GraphqlTooManyRequestsError,
  TooManyRequestsException,
} from './limits/too-many-requests.js';
export type { CircuitState } from './limits/store/circuit-breaker.js';
export {
  LimitStoreUnavailableError,
  type HitOptions,
  type LimitResult,
  type LimitRule,
  type LimitStorage,
} from './limits/store/limit-storage.js';
export { MemoryLimitStorage } from './limits/store/memory/memory-limit-storage.js';
export type {
  MemoryLimitStorageOptions,
  MemoryLimitStorageStats,
} from './limits/store/memory/memory-limit-storage.options.js';
export type { RedisClientTemplate } from './limits/store/redis/redis-connection.js';
export {
  createRedisLimitStorage,
  type RedisLimitStorage,
} from './limits/store/redis/redis-limit-storage.js';
export type {
  RedisLimitStorageOptions,
  RedisLimitStorageStats,
} from './limits/store/redis/redis-limit-storage.options.js';
export {
  ResilientLimitStorage,
  type LimitStoreStateChange,
  type ResilientLimitStorageOptions,
  type ResilientLimitStorageStats,
} from './limits/store/resilient-limit-storage.js';

export type { Enrich } from './request-log/capture/enrich.js';
export { RequestLogInterceptor } from './request-log/capture/request-log.interceptor.js';
export { SkipRequestLog } from './request-log/capture/skip-request-log.decorator.js';
export type { RequestQueueStats } from './request-log/queue/request-queue-stats.js';
export type { Outcome } from './request-log/record/outcome.js';
export type { RequestRecord, RequestSink } from './request-log/record/request-record.js';
export type {
  RequestLogOptions,
  RequestLogTuning,
  RequestSpoolOptions,
} from './request-log/request-log.options.js';
export type { SpoolState } from './request-log/spool/spool-condition.js';
export type { StrandedSpool } from './request-log/spool/stranded-spools.js';
export { RequestLogService, type RequestLogStats } from './request-log/request-log.service.js';
export {
  NdjsonFileSink,
  type NdjsonFileSinkOptions,
} from './request-log/sinks/ndjson-file-sink.js';
export { RequestLog } from './request-log/table/request-log.entity.js';
export type { PruneResult, RetentionDays } from './request-log/table/retention.js';

export { isSignalName, namesOf, SIGNALS, type SignalName } from './signals/signal.js';
export type { ProbesOptions, SignalsOptions } from './signals/signals.options.js';
export type { AddedProbe } from './signals/compile-probes.js';
export { PROBE_GROUPS, type ProbeGroup, type ProbePlace } from './signals/probes/probe-entry.js';
export type { RequestOutcome } from './signals/request-facts.js';
export type { DetectionOptions, FindingCeiling } from './detection/detection.options.js';
export type { FindingEvidence, ResponseFinding } from './detection/response-finding.js';
export type { BanTold } from './response/ban.js';
export type { BanEvent } from './response/ban-event.js';
export { BanService } from './response/ban.service.js';
export {
  IpTrackingEvents,
  type IpTrackingEventMap,
  type IpTrackingEventName,
  type RulesTold,
  type UnbanTold,
} from './response/ip-tracking-events.js';
export type { Outage } from './outages.js';
export type { ReplayedSubject, ReplayOptions, ReplayResult } from './detection/replay.js';
export type { DetectorTuning } from './detection/tuned-detectors.js';
export type { GeoCoordinates } from './geo/coordinates.js';
export type { NameResolver } from './detection/crawlers/crawler-check.js';
export { DetectionService, type ResolveDetails } from './detection/detection.service.js';
export type { AnnouncedBy, ScanOptions, ScanResult, ScanStatus } from './detection/scan-result.js';
export type {
  Detector,
  DetectorResponse,
  DetectorRule,
  LogDetector,
  LogFacts,
  LogFinding,
  LogQuery,
  LogTerms,
  Match,
  RuleFound,
  ScanWindow,
  SubjectKind,
  Suspects,
  Without,
  Wording,
} from './detection/detector.js';
export type { WatchStatus } from './detection/watch-recorder.js';
export type { WatchStats } from './detection/watch/watch.js';
export { SuspiciousIp } from './detection/suspicious-ip.entity.js';
export type {
  Exemption,
  ScoredFinding,
  StoredFinding,
} from './detection/suspicious-ip.repository.js';
export { parseDuration } from './options/duration.js';
