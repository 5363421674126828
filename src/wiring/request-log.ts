import { Database } from '../database/database.js';
import { RequestEdge } from '../edge/request-edge.js';
import { GeoService } from '../geo/geo-service.js';
import { GeoipLiteProvider } from '../geo/geoip-lite-provider.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { writeIsolating } from '../request-log/isolating-write.js';
import { RequestLogPartitions } from '../request-log/partitions.js';
import { PostgresSink } from '../request-log/postgres-sink.js';
import { RequestLogger } from '../request-log/request-logger.js';
import { RequestQueue } from '../request-log/request-queue.js';
import type { PlacedRecord, RequestSink } from '../request-log/request-record.js';
import { SensitivePaths } from '../request-log/sensitive-paths.js';
import { Door } from '../rules/door.js';
import { logger, messageOf, provide, steadyClock, wallClock } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

const MAX_RETRY_MS = 5_000;

/** From the edge to the table, with the places that are looked up on the way. */
export const requestLog = [
  provide(
    GeoService,
    [RESOLVED_OPTIONS],
    ({ geo }: ResolvedOptions) =>
      new GeoService(geo.isEnabled ? (geo.provider ?? new GeoipLiteProvider()) : null, {
        cacheTtlMs: geo.cacheTtlMs,
        cacheMaxEntries: geo.cacheMaxEntries,
        now: steadyClock,
        onError: (error) => logger.warn(`places are unknown: ${messageOf(error)}`),
      }),
  ),
  provide(
    RequestQueue,
    [Database, GeoService, RESOLVED_OPTIONS],
    (database: Database, geo: GeoService, { requestLog: options }: ResolvedOptions) => {
      const sink: RequestSink = options.sink ?? new PostgresSink(database);
      return new RequestQueue({
        flushIntervalMs: options.flushIntervalMs,
        maxBatchSize: options.maxBatchSize,
        maxQueued: options.maxQueued,
        maxRetryMs: MAX_RETRY_MS,
        write: async (records) => {
          const placed = records.map((record): PlacedRecord => ({
            ...record,
            ...geo.lookup(record.ip),
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
    [ClientIpResolver, Door, RequestLogger, GeoService, RESOLVED_OPTIONS],
    (
      resolver: ClientIpResolver,
      door: Door,
      log: RequestLogger,
      geo: GeoService,
      options: ResolvedOptions,
    ) =>
      new RequestEdge(resolver, {
        refuses: (context) => door.refuses(context),
        refusal: (context) => door.refusal(context),
        onClosed: options.requestLog.isEnabled
          ? (context, response) => log.closed(context, response)
          : () => undefined,
        onEnded: options.requestLog.isEnabled
          ? (context, ending) => log.ended(context, ending)
          : () => undefined,
        locate: (ip) => geo.lookup(ip),
        now: wallClock,
      }),
  ),
];
