import { join } from 'node:path';
import { Database } from '../database/database.js';
import { RequestEdge } from '../edge/request-edge.js';
import { GeoService } from '../geo/geo-service.js';
import { GeoipLiteProvider } from '../geo/geoip-lite-provider.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { RecordPrivacy } from '../privacy/record-privacy.js';
import { RequestLogPartitions } from '../request-log/table/partitions.js';
import { Enrichment } from '../request-log/capture/enrich.js';
import { ErasedRecords } from '../request-log/queue/erased-records.js';
import { PostgresSink } from '../request-log/sinks/postgres-sink.js';
import { RecordIntake } from '../request-log/capture/record-intake.js';
import { RecordSelection } from '../request-log/capture/record-selection.js';
import { endingOf, RequestLogger } from '../request-log/capture/request-logger.js';
import { RequestQueue } from '../request-log/queue/request-queue.js';
import { createRequestQueue } from '../request-log/queue/create-request-queue.js';
import { ListedPaths } from '../edge/listed-paths.js';
import { Door } from '../rules/door.js';
import { LimitDoor } from '../limits/limit-door.js';
import { LimitPolicies } from '../limits/limit-policy.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import { logger, messageOf, provide, steadyClock, wallClock } from './provide.js';
import { RESOLVED_OPTIONS, STATE_FOLDER } from './settings.js';

/** What the host adds to records; null where it adds nothing. */
const ENRICHMENT = Symbol('nestjs-ip-tracking.enrichment');

/** From the edge to the table, with the places that are looked up on the way. */
export const requestLog = [
  provide(
    GeoService,
    [RESOLVED_OPTIONS],
    ({ geo }: ResolvedOptions) =>
      new GeoService(geo.isEnabled ? (geo.provider ?? new GeoipLiteProvider()) : null, {
        cacheTtlMs: geo.cacheTtlMs,
        cacheMaxEntries: geo.cacheMaxEntries,
        lookupTimeoutMs: geo.lookupTimeoutMs,
        warnAfterDays: geo.warnAfterDays,
        now: steadyClock,
        wallNow: wallClock,
        onError: (error) => logger.warn(`places are unknown: ${messageOf(error)}`),
        onWarning: (message) => logger.warn(message),
      }),
  ),
  provide(ErasedRecords, [], () => new ErasedRecords()),
  provide(ENRICHMENT, [RESOLVED_OPTIONS], ({ requestLog: { enrich } }: ResolvedOptions) =>
    enrich === null ? null : new Enrichment(enrich, (message) => logger.warn(message)),
  ),
  provide(
    RequestQueue,
    [Database, ErasedRecords, ENRICHMENT, STATE_FOLDER, RESOLVED_OPTIONS],
    (
      database: Database,
      erased: ErasedRecords,
      enrichment: Enrichment | null,
      stateFolder: string | null,
      { requestLog: options }: ResolvedOptions,
    ) =>
      createRequestQueue({
        ...options,
        sink: options.sink ?? new PostgresSink(database, options),
        erased,
        unenriched: () => enrichment?.failures ?? 0,
        spoolFolder: spoolFolderIn(stateFolder, options),
        log: logger,
      }),
  ),
  provide(
    RequestLogger,
    [RecordIntake, RecordPrivacy, ENRICHMENT, RESOLVED_OPTIONS],
    (
      intake: RecordIntake,
      privacy: RecordPrivacy,
      enrichment: Enrichment | null,
      { anomalies, rateLimits, requestLog: { skipPaths, sampleServed } }: ResolvedOptions,
    ) =>
      new RequestLogger(intake, {
        sensitivePaths: new ListedPaths(anomalies.sensitivePaths),
        identify: rateLimits.identify,
        queryOf: (url) => privacy.queryOf(url),
        selection:
          skipPaths.length === 0 && sampleServed === 1
            ? null
            : new RecordSelection(skipPaths, sampleServed, () => Math.random()),
        enrichment,
      }),
  ),
  provide(
    RequestLogPartitions,
    [Database],
    (database: Database) => new RequestLogPartitions(database, wallClock),
  ),
  provide(
    RequestEdge,
    [
      ClientIpResolver,
      Door,
      RequestLogger,
      GeoService,
      RateLimiter,
      LimitDoor,
      LimitPolicies,
      RESOLVED_OPTIONS,
    ],
    (
      resolver: ClientIpResolver,
      door: Door,
      log: RequestLogger,
      geo: GeoService,
      limiter: RateLimiter,
      limits: LimitDoor,
      policies: LimitPolicies,
      { requestLog: { isEnabled: isLogged }, rateLimits }: ResolvedOptions,
    ) =>
      new RequestEdge(resolver, {
        refuses: (context) => door.refuses(context),
        refusal: (context) => door.refusal(context),
        throttles:
          rateLimits.isEnabled && rateLimits.checkAt === 'edge'
            ? async (context, route, response) => {
                const policy = route.flags.isLimitOpen ? null : policies.ofFlags(route.flags);
                if (policy === null) return null;
                return (await limits.admitAhead(context, policy, response))?.refusal ?? null;
              }
            : null,
        onClosed: (context, response) => {
          if (context.isCounted) limiter.closed(context, endingOf(context, response));
          if (isLogged) log.closed(context, response);
        },
        onEnded: (context, ending) => {
          if (isLogged) log.ended(context, ending);
        },
        locate: (ip) => geo.lookup(ip),
        now: wallClock,
      }),
  ),
];

/** Records on their way to one place must not end in another. */
export function spoolFolderIn(
  stateFolder: string | null,
  { sink }: Pick<ResolvedOptions['requestLog'], 'sink'>,
): string | null {
  return stateFolder === null ? null : join(stateFolder, sink === null ? 'spool' : 'sink-spool');
}
