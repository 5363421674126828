import { Database } from '../database/database.js';
import { GeoService } from '../geo/geo-service.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PersonalDataRepository } from '../privacy/personal-data.repository.js';
import { PrivacyService } from '../privacy/privacy.service.js';
import { RecordPrivacy } from '../privacy/record-privacy.js';
import { ErasedRecords } from '../request-log/queue/erased-records.js';
import { RecordIntake } from '../request-log/capture/record-intake.js';
import { RecordsOnTheirWay } from '../request-log/queue/records-on-their-way.js';
import { RequestQueue } from '../request-log/queue/request-queue.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { provide, wallClock } from './provide.js';
import { spoolFolderIn } from './request-log.js';
import { RESOLVED_OPTIONS, STATE_FOLDER } from './settings.js';

/** What stands between a request and whatever keeps its record, and what finds an address there afterwards. */
export const privacy = [
  provide(
    RecordPrivacy,
    [RESOLVED_OPTIONS],
    ({ privacy: settings }: ResolvedOptions) => new RecordPrivacy(settings),
  ),
  provide(
    RecordIntake,
    [RequestQueue, GeoService, RecordPrivacy],
    (queue: RequestQueue, geo: GeoService, recordPrivacy: RecordPrivacy) =>
      new RecordIntake(queue, geo, recordPrivacy),
  ),
  provide(
    RecordsOnTheirWay,
    [RecordIntake, RequestQueue, ErasedRecords, STATE_FOLDER, RESOLVED_OPTIONS],
    (
      intake: RecordIntake,
      queue: RequestQueue,
      erased: ErasedRecords,
      stateFolder: string | null,
      { requestLog, stateDir }: ResolvedOptions,
    ) =>
      new RecordsOnTheirWay({
        settle: () => intake.settle(),
        linesInMemory: () => queue.linesInMemory(),
        erased,
        // A program that logs nothing itself, such as a command, reads what the app has spooled.
        spoolFolder: spoolFolderIn(
          requestLog.isEnabled ? stateFolder : stateDir || stateFolder,
          requestLog,
        ),
      }),
  ),
  provide(
    PrivacyService,
    [Database, RecordsOnTheirWay, RESOLVED_OPTIONS],
    (database: Database, onTheirWay: RecordsOnTheirWay, { privacy: settings }: ResolvedOptions) =>
      new PrivacyService(
        new PersonalDataRepository(database),
        new AddressPrivacy(settings),
        onTheirWay,
        wallClock,
      ),
  ),
];
