import * as fileSystem from 'node:fs/promises';
import { isTransient } from '../database/connection-error.js';
import { Database } from '../database/database.js';
import { DATABASE_SETTINGS } from '../database/database.options.js';
import { EDGE_SETTINGS } from '../edge/edge.options.js';
import { DECLARED_ROUTES } from '../edge/declared-routes.js';
import { ListedPaths } from '../edge/listed-paths.js';
import { RoutePrefixes } from '../edge/route-prefixes.js';
import { GeoService } from '../geo/geo-service.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PRIVACY_SETTINGS } from '../privacy/privacy.options.js';
import { PersonalDataRepository } from '../privacy/personal-data.repository.js';
import { PrivacyService } from '../privacy/privacy.service.js';
import { RecordPrivacy } from '../privacy/record-privacy.js';
import { afterTimer } from '../hourly-work.js';
import { messageOf } from '../ip-tracking.errors.js';
import { OUTAGES } from '../outages.js';
import { logger, provide, token, WALL_CLOCK } from '../provide.js';
import { createSignalReader } from '../signals/signal-reader.js';
import { installationOf } from '../state/identity.repository.js';
import { STATE } from '../state/state.providers.js';
import { Enrichment } from './capture/enrich.js';
import { AttemptedUsers } from './capture/attempted-users.js';
import { RecordFolding } from './capture/record-folding.js';
import { RecordIntake } from './capture/record-intake.js';
import { RecordSelection } from './capture/record-selection.js';
import { REQUEST_WATCH, RequestLogger } from './capture/request-logger.js';
import { RequestSignals } from './capture/request-signals.js';
import { createRequestQueue } from './queue/create-request-queue.js';
import { ErasedRecords } from './queue/erased-records.js';
import { RecordsOnTheirWay } from './queue/records-on-their-way.js';
import { RequestQueue } from './queue/request-queue.js';
import { REQUEST_LOG_SETTINGS, SIGNALS_SETTINGS, SPOOL_DEFAULTS } from './request-log.options.js';
import { RequestLogService } from './request-log.service.js';
import { PostgresSink } from './sinks/postgres-sink.js';
import { DatabaseSpoolPlace, SinkSpoolPlace, type SpoolPlace } from './spool/spool-place.js';
import { StrandedSpools } from './spool/stranded-spools.js';
import { ImportedRequestsRepository } from './table/imported-requests.repository.js';
import { RequestLogPartitions } from './table/partitions.js';
import { RequestLogRetention } from './table/retention.js';
import { RequestRollup } from './table/rollup.js';
import { NO_UPKEEP, RequestLogUpkeep } from './table/upkeep.js';

/** What the host adds to records; null where it adds nothing. */
const ENRICHMENT = token<Enrichment | null>('enrichment');

/** What folds the rows of blocked clients; null where each request has its row. */
const FOLDING = token<RecordFolding | null>('folding');
/** What looks at what requests show by themselves; null where nobody does. */
export const REQUEST_SIGNALS = token<RequestSignals | null>('request-signals');
/** Where the spools of all processes are; null for memory alone. */
const SPOOL_PLACE = token<SpoolPlace | null>('spool-place');

/** An import is no request's: it may wait for its rows longer than the log of an app. */
const IMPORT_TIMEOUTS = { writeTimeoutMs: 60_000, answerTimeoutMs: 65_000 };

/** From the closed response to the table, and what keeps that in shape. */
export const requestLogProviders = [
  provide(SPOOL_PLACE, [STATE, REQUEST_LOG_SETTINGS], (state, { sink }) => {
    if (state === null) return null;
    return sink === null
      ? new DatabaseSpoolPlace(state)
      : new SinkSpoolPlace(() => state.sink(), fileSystem);
  }),
  provide(ErasedRecords, [], () => new ErasedRecords()),
  provide(ENRICHMENT, [REQUEST_LOG_SETTINGS], ({ enrich }) =>
    enrich === null ? null : new Enrichment(enrich, (message) => logger.warn(message)),
  ),
  provide(
    RequestQueue,
    [Database, ErasedRecords, ENRICHMENT, SPOOL_PLACE, STATE, REQUEST_LOG_SETTINGS, OUTAGES],
    (database, erased, enrichment, spoolPlace, state, settings, outages) =>
      createRequestQueue({
        ...settings.tuning,
        sink: settings.sink ?? new PostgresSink(database, settings.tuning),
        erased,
        unenriched: () => enrichment?.failures ?? 0,
        spool: settings.spool,
        spoolPlace,
        // Whoever answers next at that address may be another database.
        onFailure: (error) => {
          if (settings.sink === null && isTransient(error)) state?.doubt();
        },
        onOutage: (error) =>
          outages.tell({
            of: 'request log',
            isOver: error === null,
            message: error === null ? null : messageOf(error),
          }),
        log: logger,
      }),
  ),
  provide(
    RecordIntake,
    [RequestQueue, GeoService, RecordPrivacy],
    (queue, geo, privacy) => new RecordIntake(queue, geo, privacy),
  ),
  provide(FOLDING, [RecordIntake, REQUEST_LOG_SETTINGS], (intake, { blockedPerMinute, spool }) => {
    if (blockedPerMinute === null) return null;
    const folding = new RecordFolding({
      perMinute: blockedPerMinute,
      holdMs: spool?.writeIntervalMs ?? SPOOL_DEFAULTS.writeIntervalMs,
      now: () => performance.now(),
      after: afterTimer,
      release: (record) => intake.push(record),
    });
    intake.beforeSettling(() => folding.releaseAll());
    return folding;
  }),
  provide(
    AttemptedUsers,
    [Database, PRIVACY_SETTINGS],
    (database, { keys }) => new AttemptedUsers(keys[0] ?? null, () => installationOf(database)),
  ),
  provide(
    REQUEST_SIGNALS,
    [AttemptedUsers, SIGNALS_SETTINGS, DECLARED_ROUTES],
    (users, { isEnabled, probes, isOwnHost }, routes) =>
      isEnabled
        ? new RequestSignals(
            () =>
              createSignalReader({
                probes,
                routePatterns: routes(),
                ...(isOwnHost === null ? {} : { isOwnHost }),
              }),
            users,
            () => probes.ownEntries(routes()),
          )
        : null,
  ),
  provide(
    RequestLogger,
    [
      RecordIntake,
      RecordPrivacy,
      ENRICHMENT,
      FOLDING,
      REQUEST_SIGNALS,
      REQUEST_WATCH,
      REQUEST_LOG_SETTINGS,
      EDGE_SETTINGS,
      RoutePrefixes,
    ],
    (
      intake,
      privacy,
      enrichment,
      folding,
      signals,
      watch,
      { skipPaths, sampleServed },
      { sensitivePaths },
      prefixes,
    ) =>
      new RequestLogger(intake, {
        sensitivePaths: new ListedPaths(sensitivePaths, prefixes),
        queryOf: (url) => privacy.queryOf(url),
        selection:
          skipPaths.length === 0 && sampleServed === 1
            ? null
            : new RecordSelection(new ListedPaths(skipPaths, prefixes), sampleServed, () =>
                Math.random(),
              ),
        signals,
        watch,
        enrichment,
        folding,
      }),
  ),
  provide(
    RequestLogPartitions,
    [Database, WALL_CLOCK],
    (database, now) => new RequestLogPartitions(database, now),
  ),
  provide(
    RequestLogUpkeep,
    [Database, RequestLogPartitions, REQUEST_LOG_SETTINGS, WALL_CLOCK],
    (database, partitions, settings, now) =>
      new RequestLogUpkeep(
        partitions,
        new RequestRollup(database, now),
        new RequestLogRetention(database, partitions, now),
        settings,
      ),
  ),
  provide(
    RequestLogService,
    [
      RequestQueue,
      RecordIntake,
      FOLDING,
      RequestLogUpkeep,
      STATE,
      DATABASE_SETTINGS,
      Database,
      RecordPrivacy,
    ],
    (queue, intake, folding, upkeep, state, settings, database, privacy) =>
      new RequestLogService({
        queue,
        intake,
        folding,
        upkeep: settings === null ? NO_UPKEEP : upkeep,
        imported: new ImportedRequestsRepository(
          database,
          privacy,
          new PostgresSink(database, IMPORT_TIMEOUTS),
        ),
        stranded: new StrandedSpools(state),
      }),
  ),
  provide(
    RecordsOnTheirWay,
    [RecordIntake, RequestQueue, ErasedRecords, SPOOL_PLACE],
    (intake, queue, erased, place) =>
      new RecordsOnTheirWay({
        settle: () => intake.settle(),
        linesInMemory: () => queue.linesInMemory(),
        erased,
        spoolFolders: async () => (await place?.processes())?.paths ?? [],
      }),
  ),
  provide(
    PrivacyService,
    [Database, RecordsOnTheirWay, AddressPrivacy, REQUEST_WATCH, WALL_CLOCK],
    (database, onTheirWay, addresses, watch, now) =>
      new PrivacyService(new PersonalDataRepository(database), addresses, onTheirWay, now, watch),
  ),
];
