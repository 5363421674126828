import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { isTransient } from './database/connection-error.js';
import { DATABASE_SETTINGS } from './database/database.options.js';
import { Database } from './database/database.js';
import { databaseProviders, ENTITIES } from './database/database.providers.js';
import { NotificationListener } from './database/notifications.js';
import { DetectionService } from './detection/detection.service.js';
import { DETECTION_SETTINGS } from './detection/detection.options.js';
import {
  DETECTION_UPKEEP,
  detectionProviders,
  WATCH_RECORDER,
} from './detection/detection.providers.js';
import { EDGE_ATTACHMENT, edgeProviders } from './edge.providers.js';
import { EDGE_SETTINGS } from './edge/edge.options.js';
import { RequestEdge } from './edge/request-edge.js';
import { GeoService } from './geo/geo-service.js';
import { GEO_SETTINGS } from './geo/geo.options.js';
import { geoProviders } from './geo/geo.providers.js';
import { afterTimer, HourlyWork } from './hourly-work.js';
import { IP_TRACKING_ENTITIES } from './ip-tracking.entities.js';
import { messageOf } from './ip-tracking.errors.js';
import {
  IpTrackingLifecycle,
  type LifecycleParts,
  type LifecyclePlan,
} from './ip-tracking.lifecycle.js';
import { IP_TRACKING_SETTINGS } from './ip-tracking.options.js';
import { IpTrackingStatus, type StatusParts } from './ip-tracking.status.js';
import { LIMITS_SETTINGS } from './limits/limits.options.js';
import { UnsharedLimits } from './limits/unshared-limits.js';
import { LIMIT_STORAGE, limitsProviders } from './limits/limits.providers.js';
import { ClientIpResolver, createClientIpResolver } from './net/client-ip.js';
import { describeClientIp } from './net/describe-client-ip.js';
import type { IpAddress } from './net/ip-address.js';
import { isLocal } from './net/special-ranges.js';
import { OUTAGES, Outages } from './outages.js';
import { PRIVACY_SETTINGS } from './privacy/privacy.options.js';
import { privacyProviders } from './privacy/privacy.providers.js';
import { logger, provide, provideNamed, token, WALL_CLOCK, wallClock } from './provide.js';
import { AttemptedUsers } from './request-log/capture/attempted-users.js';
import { RecordIntake } from './request-log/capture/record-intake.js';
import { RequestQueue } from './request-log/queue/request-queue.js';
import { REQUEST_LOG_SETTINGS, SIGNALS_SETTINGS } from './request-log/request-log.options.js';
import { REQUEST_SIGNALS, requestLogProviders } from './request-log/request-log.providers.js';
import { RequestLogService } from './request-log/request-log.service.js';
import { RequestLogPartitions } from './request-log/table/partitions.js';
import { RequestLogUpkeep } from './request-log/table/upkeep.js';
import { announceNetworks } from './rules/announce-networks.js';
import { ForwardingPeers } from './rules/forwarding-peers.js';
import { LiveRules } from './rules/live-rules.js';
import { ProtectedNetworkRepository } from './rules/protected-network.repository.js';
import { IpTrackingEvents } from './response/ip-tracking-events.js';
import { RESPONSE_WORK, responseProviders } from './response/response.providers.js';
import { RULES_SETTINGS } from './rules/rules.options.js';
import { CLIENT_IP_IN_WORDS, rulesProviders } from './rules/rules.providers.js';
import { STATE_SETTINGS } from './state/state.options.js';
import { STATE, stateProviders } from './state/state.providers.js';

const LIFECYCLE_PLAN = token<LifecyclePlan>('lifecycle-plan');

/** To each room its own part of the options. */
const settings = [
  provide(DATABASE_SETTINGS, [IP_TRACKING_SETTINGS], ({ database }) => database),
  provide(EDGE_SETTINGS, [IP_TRACKING_SETTINGS], ({ edge }) => edge),
  provide(RULES_SETTINGS, [IP_TRACKING_SETTINGS], ({ rules }) => rules),
  provide(REQUEST_LOG_SETTINGS, [IP_TRACKING_SETTINGS], ({ requestLog }) => requestLog),
  provide(SIGNALS_SETTINGS, [IP_TRACKING_SETTINGS], ({ signals }) => signals),
  provide(GEO_SETTINGS, [IP_TRACKING_SETTINGS], ({ geo }) => geo),
  provide(PRIVACY_SETTINGS, [IP_TRACKING_SETTINGS], ({ privacy }) => privacy),
  provide(LIMITS_SETTINGS, [IP_TRACKING_SETTINGS], ({ limits }) => limits),
  provide(DETECTION_SETTINGS, [IP_TRACKING_SETTINGS], ({ detection }) => detection),
  provide(STATE_SETTINGS, [IP_TRACKING_SETTINGS], ({ state }) => state),
];

const clientIp = [
  provide(
    ClientIpResolver,
    [IP_TRACKING_SETTINGS, ForwardingPeers],
    ({ clientIp: options, rules, privacy }, forwarders) => {
      // Whose addresses are not kept is not announced either; a private one tells nobody who somebody is.
      const saw = (address: IpAddress): void => {
        if (privacy.address === 'full' || isLocal(address)) forwarders.saw(address);
      };
      return createClientIpResolver(options, {
        onWarning: ({ message }) => logger.warn(message),
        ...(rules.isEnabled ? { onForwarder: saw } : {}),
      });
    },
  ),
  provide(CLIENT_IP_IN_WORDS, [IP_TRACKING_SETTINGS], (options) =>
    describeClientIp(options.clientIp),
  ),
];

const lifecycle = [
  provide(
    HourlyWork,
    [
      RequestLogUpkeep,
      ProtectedNetworkRepository,
      ClientIpResolver,
      ForwardingPeers,
      UnsharedLimits,
      AttemptedUsers,
      DETECTION_UPKEEP,
      REQUEST_LOG_SETTINGS,
      RULES_SETTINGS,
    ],
    (upkeep, networks, resolver, forwarders, unshared, users, detection, log, rules) =>
      new HourlyWork(
        [
          // First, because logins may come at once; where it cannot be learnt now, the next task says why.
          ...(log.isEnabled ? [() => users.ready().catch(() => undefined)] : []),
          ...(log.isEnabled && log.sink === null ? [() => upkeep.run()] : []),
          ...(rules.isEnabled
            ? [() => announceNetworks(networks, resolver.trustedPrefixes), () => forwarders.round()]
            : []),
          () => unshared.look(),
          ...detection,
        ],
        {
          after: afterTimer,
          // An outage is reported by whoever has records or rules to lose.
          isPassing: isTransient,
          warn: (error) => logger.warn(`the database cannot be kept up: ${messageOf(error)}`),
        },
      ),
  ),
  provide(
    LIFECYCLE_PLAN,
    [IP_TRACKING_SETTINGS, HttpAdapterHost],
    ({ edge, rules, geo, requestLog, state }, adapterHost) => ({
      followsRules: rules.isEnabled && rules.follow,
      endsWebSockets: rules.endWebSockets,
      keepsState: state.isNeeded,
      startTimeoutMs: rules.startTimeoutMs,
      places: geo.isEnabled,
      logs: requestLog.isEnabled,
      isTest: process.env['NODE_ENV'] === 'test',
      spools: requestLog.spool !== null,
      hasServer: () => edge.isAttached && Boolean(adapterHost.httpAdapter),
      shutdownTimeoutMs: requestLog.shutdownTimeoutMs,
    }),
  ),
  provideNamed<IpTrackingLifecycle, LifecycleParts>(
    IpTrackingLifecycle,
    {
      plan: LIFECYCLE_PLAN,
      attachment: EDGE_ATTACHMENT,
      edge: RequestEdge,
      database: Database,
      state: STATE,
      listener: NotificationListener,
      rules: LiveRules,
      geo: GeoService,
      intake: RecordIntake,
      queue: RequestQueue,
      hourly: HourlyWork,
      signals: REQUEST_SIGNALS,
      watch: WATCH_RECORDER,
      response: RESPONSE_WORK,
      events: IpTrackingEvents,
      modules: ModulesContainer,
      unshared: UnsharedLimits,
      limits: LIMIT_STORAGE,
    },
    (parts) => new IpTrackingLifecycle(parts),
  ),
];

const status = provideNamed<IpTrackingStatus, StatusParts>(
  IpTrackingStatus,
  {
    settings: IP_TRACKING_SETTINGS,
    rules: LiveRules,
    listener: NotificationListener,
    requestLog: RequestLogService,
    partitions: RequestLogPartitions,
    limits: LIMIT_STORAGE,
    geo: GeoService,
    detection: DetectionService,
    watch: WATCH_RECORDER,
  },
  (parts) => new IpTrackingStatus(parts),
);

/** Every part of the module, but for what Nest makes itself. */
export const ipTrackingProviders = [
  provide(ENTITIES, [], () => IP_TRACKING_ENTITIES),
  provide(WALL_CLOCK, [], () => wallClock),
  provide(OUTAGES, [], () => new Outages()),
  ...settings,
  ...clientIp,
  ...databaseProviders,
  ...stateProviders,
  ...geoProviders,
  ...privacyProviders,
  ...rulesProviders,
  ...limitsProviders,
  ...requestLogProviders,
  ...detectionProviders,
  ...responseProviders,
  ...edgeProviders,
  ...lifecycle,
  status,
];
