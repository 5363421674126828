import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { DataSource } from 'typeorm';
import {
  checkObject,
  flag,
  invalid,
  wholeNumber,
  withMethods,
  type Check,
} from '../options/checks.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import type { Defaults } from '../options/defaults.js';
import { token } from '../provide.js';
import { readUrl } from './connection.js';

/** A small pool of the module's own. */
export interface OwnDatabaseOptions {
  /** A connection URL such as `postgres://user:password@host:5432/name`, in any form that `pg` takes. */
  url: string;
  /**
   * A URL that leads to PostgreSQL itself, where `url` leads to a pooler in transaction mode such as PgBouncer: for
   * LISTEN and for migrations, which need a session. @default `url`
   */
  directUrl?: string;
  /** TLS, over what `sslmode` in the URL says: true for a certificate that Node trusts, or node's TLS options. @default as the URL says */
  ssl?: boolean | TlsOptions;
  /** Runs pending migrations when the app starts. @default false */
  migrationsRun?: boolean;
  /** Connections of the module's own pool; the host's pool is never touched. @default 2 */
  poolSize?: number;
  /** How long a connection attempt may take, in milliseconds. @default 5000 */
  connectTimeoutMs?: number;
  /** How long PostgreSQL may work on one statement, in milliseconds. @default 30000 */
  statementTimeoutMs?: number;
}

/** The host's own connections. */
export interface HostDatabaseOptions {
  /** The host's own DataSource. Its entities must include `IP_TRACKING_ENTITIES`, its migrations `IP_TRACKING_MIGRATIONS`. */
  dataSource: DataSource;
  /** As {@link OwnDatabaseOptions.directUrl}, where the DataSource leads to a pooler in transaction mode: for LISTEN. */
  directUrl?: string;
}

/** How this module reaches PostgreSQL. */
export type DatabaseOptions = OwnDatabaseOptions | HostDatabaseOptions;

/** Null where there is no database. */
export const DATABASE_SETTINGS = token<DatabaseOptions | null>('database-settings');

/** What each of {@link OwnDatabaseOptions} is where it is left out. */
export const DATABASE_DEFAULTS = {
  directUrl: null,
  ssl: null,
  migrationsRun: false,
  poolSize: 2,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
} satisfies Defaults<Omit<OwnDatabaseOptions, 'url'>>;

/** For so much longer than any statement may take its answer is waited for, in milliseconds. */
export const SILENCE_GRACE_MS = 2_000;

/** How each of {@link OwnDatabaseOptions} is checked. */
export const DATABASE_CHECKS: Record<keyof OwnDatabaseOptions, Check> = {
  url: checkUrl,
  directUrl: checkUrl,
  ssl: (path, value) => {
    if (typeof value === 'boolean' || (typeof value === 'object' && value !== null)) return;
    invalid(
      path,
      value,
      "give true, false, or node's TLS options, such as { ca: '-----BEGIN...' }",
    );
  },
  migrationsRun: flag,
  poolSize: wholeNumber(1, 100),
  connectTimeoutMs: wholeNumber(1),
  statementTimeoutMs: wholeNumber(1),
};

/** `database` as a whole. */
export const checkDatabase: Check = (path, value) => {
  if (typeof value === 'object' && value !== null && 'dataSource' in value) {
    checkObject(path, value, {
      dataSource: withMethods('a TypeORM DataSource', 'initialize', 'getRepository'),
      directUrl: checkUrl,
    });
    return;
  }
  checkObject(path, value, DATABASE_CHECKS);
  checkUrl(`${path}.url`, (value as { url?: unknown }).url);
};

/** @throws IpTrackingError `IPT_INVALID_OPTION` where there is no way to a database. */
export function requireDatabase(database: DatabaseOptions | undefined): DatabaseOptions {
  if (database !== undefined) return database;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    "database is missing: give { url: 'postgres://user:password@host:5432/name' } or { dataSource }.",
  );
}

/** How long PostgreSQL may work on one statement, in milliseconds; of a host's DataSource nobody knows. */
export function statementTimeoutOf(database: DatabaseOptions | null): number {
  if (database === null) return DATABASE_DEFAULTS.statementTimeoutMs;
  return 'dataSource' in database
    ? Number.POSITIVE_INFINITY
    : (database.statementTimeoutMs ?? DATABASE_DEFAULTS.statementTimeoutMs);
}

/** How long a connection attempt may take, in milliseconds. */
export function connectTimeoutOf(database: DatabaseOptions): number {
  const given =
    'dataSource' in database
      ? (database.dataSource.options as { connectTimeoutMS?: number }).connectTimeoutMS
      : database.connectTimeoutMs;
  return given ?? DATABASE_DEFAULTS.connectTimeoutMs;
}

function checkUrl(path: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') {
    readUrl(path, value);
    return;
  }
  invalid(
    path,
    value,
    'give one such as postgres://user:password@host:5432/name. Is the environment variable set?',
  );
}
