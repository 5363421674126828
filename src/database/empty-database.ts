import type { DataSource, EntityManager } from 'typeorm';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { Database } from './database.js';

/** Where a DataSource leads that is never connected. */
export const NOWHERE = { url: 'postgres://127.0.0.1:1/none' };

/** Stands where there is none: whatever is asked, nothing is there; whatever is changed, nothing is kept. */
export class EmptyDatabase extends Database {
  /** @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE`. */
  override connect(): Promise<DataSource> {
    return Promise.reject(
      new IpTrackingError(
        'IPT_DATABASE_UNAVAILABLE',
        'IpTrackingModule has no database here: it is off (enabled: false), or IpTrackingTestingModule stands for it',
      ),
    );
  }

  override query<Row>(): Promise<Row[]> {
    return Promise.resolve([]);
  }

  override transaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const query = (): Promise<never[]> => Promise.resolve([]);
    return work({ query } as unknown as EntityManager);
  }
}
