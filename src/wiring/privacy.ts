import { Database } from '../database/database.js';
import { GeoService } from '../geo/geo-service.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PersonalDataRepository } from '../privacy/personal-data.repository.js';
import { PrivacyService } from '../privacy/privacy.service.js';
import { RecordPrivacy } from '../privacy/record-privacy.js';
import { RecordIntake } from '../request-log/record-intake.js';
import { RequestQueue } from '../request-log/request-queue.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { provide } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

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
    PrivacyService,
    [Database, RESOLVED_OPTIONS],
    (database: Database, { privacy: settings }: ResolvedOptions) =>
      new PrivacyService(new PersonalDataRepository(database), new AddressPrivacy(settings), null),
  ),
];
