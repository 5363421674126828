import { IpTrackingError } from '../index.js';

/** Where the commands work, from the environment. */
export function databaseUrl(): string {
  const url = process.env['IP_TRACKING_DATABASE_URL'] || process.env['DATABASE_URL'];
  if (!url) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      'no database is named: set IP_TRACKING_DATABASE_URL (or DATABASE_URL) to postgres://user:password@host:5432/name',
    );
  }
  return url;
}
