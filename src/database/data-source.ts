import { Socket } from 'node:net';
import { Client, type ClientConfig } from 'pg';
import { DataSource, type DataSourceOptions, type EntityTarget } from 'typeorm';
import { IP_TRACKING_MIGRATIONS } from '../../migrations/index.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { filled } from '../options/defaults.js';
import { readUrl } from './connection.js';
import {
  DATABASE_DEFAULTS,
  SILENCE_GRACE_MS,
  type DatabaseOptions,
  type OwnDatabaseOptions,
} from './database.options.js';

/** The name under which this module's own DataSource is registered with `@nestjs/typeorm`. */
export const DATA_SOURCE_NAME = 'ip-tracking';

/** The PostgreSQL schema that holds every table of this module. */
export const SCHEMA = 'ip_tracking';

/** An entity class of this module. */
export type EntityClass = Extract<EntityTarget<object>, abstract new () => object>;

/**
 * Builds the DataSource without connecting it, so that the host's boot never waits for PostgreSQL.
 *
 * @throws IpTrackingError `IPT_INVALID_OPTION` when the host's DataSource is not for PostgreSQL.
 */
export function createDataSource(options: DatabaseOptions, entities: EntityClass[]): DataSource {
  if ('dataSource' in options) {
    const { type } = options.dataSource.options;
    if (type !== 'postgres') {
      throw new IpTrackingError(
        'IPT_INVALID_OPTION',
        `database.dataSource is a "${type}" DataSource; this module needs PostgreSQL. ` +
          'Leave it out and give database.url instead.',
      );
    }
    return options.dataSource;
  }
  return new DataSource(ownOptions(options, entities));
}

/**
 * A DataSource of one connection, for what needs a session of its own: migrations, which take a lock and the time that a
 * large table needs. It passes by the pooler where there is one.
 */
export function createSessionSource(options: OwnDatabaseOptions): DataSource {
  const url = options.directUrl ?? options.url;
  const { extra, ...others } = ownOptions({ ...options, url, directUrl: undefined }, []);
  const { stream: _impatient, ...patient } = extra as ClientConfig;
  return new DataSource({ ...others, poolSize: 1, extra: { ...patient, statement_timeout: 0 } });
}

function ownOptions(options: OwnDatabaseOptions, entities: EntityClass[]): PostgresOptions {
  const { poolSize, connectTimeoutMs, statementTimeoutMs } = filled(options, DATABASE_DEFAULTS);
  const {
    host,
    port,
    user,
    password,
    database,
    ssl,
    options: session,
  } = readUrl('database.url', options.url, options.ssl);
  // A pooler in transaction mode gives each transaction another session, so that nothing can be said of one.
  const isPooled = options.directUrl !== undefined;
  return {
    type: 'postgres',
    host,
    port,
    username: user,
    password: password as PostgresOptions['password'],
    database,
    ssl: ssl as PostgresOptions['ssl'],
    applicationName: 'nestjs-ip-tracking',
    schema: SCHEMA,
    entities,
    migrations: IP_TRACKING_MIGRATIONS,
    migrationsTableName: 'migration',
    synchronize: false,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolSize,
    connectTimeoutMS: connectTimeoutMs,
    // TypeORM would print a lost pool connection through its own logger; the pool replaces it by itself.
    poolErrorHandler: () => undefined,
    extra: {
      ...(isPooled ? {} : { statement_timeout: statementTimeoutMs }),
      ...(session === undefined ? {} : { options: session }),
      keepAlive: true,
      Client: OurClient,
      stream: () => impatientSocket(statementTimeoutMs + SILENCE_GRACE_MS),
    },
  };
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/**
 * A client whose errors are always heard, and whose dates are read as they are written.
 *
 * Between the pool, which stops to listen when it hands a client out, and TypeORM, which begins to a moment later,
 * PostgreSQL may end the session: nobody would listen, and node would end the host's process. Whoever uses the client
 * meets the error with their next statement.
 *
 * pg reads ISO dates alone, and takes what a server, a database or a role is set to instead: 11/12 would be another day.
 */
class OurClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }

  /** What pg tells the server when a session begins. */
  getStartupConf(): Record<string, string> {
    const { getStartupConf } = Client.prototype as unknown as StartupOfPg;
    return { ...getStartupConf.call(this), DateStyle: 'ISO' };
  }
}

interface StartupOfPg {
  getStartupConf(this: Client): Record<string, string>;
}

/**
 * PostgreSQL ends a statement that takes too long, but where packets vanish its word never comes: a connection on which
 * nothing has been heard for longer than any statement may take is dead, and must not hold a place in the pool.
 */
function impatientSocket(silenceMs: number): Socket {
  const socket = new Socket();
  socket.setTimeout(silenceMs, () => {
    socket.destroy(
      Object.assign(new Error(`PostgreSQL has been silent for ${silenceMs} ms`), {
        code: 'ETIMEDOUT',
      }),
    );
  });
  return socket;
}
