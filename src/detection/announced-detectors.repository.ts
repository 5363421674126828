import { errorCodeOf } from '../database/connection-error.js';
import type { Database } from '../database/database.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { detectorsOf, type AnnouncedDetectors, type DetectorData } from './announced-detectors.js';

/** The only place that reads and writes `ip_tracking.detection_setting`. */
export class AnnouncedDetectorsRepository {
  constructor(private readonly database: Pick<Database, 'query'>) {}

  /** Says how this app's detectors are. Where several apps share a database the last one counts. */
  async announce(data: DetectorData): Promise<void> {
    await this.database.query(
      `insert into ip_tracking.detection_setting (detectors) values ($1)
       on conflict (singleton) do update set detectors = excluded.detectors, announced_at = clock_timestamp()`,
      [JSON.stringify(data)],
    );
  }

  /**
   * What an app has said last; null where none has.
   *
   * @throws IpTrackingError `IPT_INVALID_OPTION` where that was another version, whose detectors this one has not.
   */
  async read(): Promise<AnnouncedDetectors | null> {
    const [row] = await this.database.query<{ detectors: DetectorData; announcedAt: Date }>(
      `select detectors, announced_at as "announcedAt" from ip_tracking.detection_setting`,
    );
    if (row === undefined) return null;
    try {
      const { detectors, announcedAt } = row;
      return { detectors: detectorsOf(detectors), notRun: detectors.queries, announcedAt };
    } catch (error) {
      throw new IpTrackingError(
        'IPT_INVALID_OPTION',
        'the app that runs on this database has other detectors than this version: use the version that the app uses',
        { cause: error },
      );
    }
  }
}

/** Whether the role of the database was given its rights before there was this table. */
export function isForbidden(error: unknown): boolean {
  return (
    (error instanceof IpTrackingError && error.code === 'IPT_DATABASE_FORBIDDEN') ||
    errorCodeOf(error) === '42501'
  );
}
