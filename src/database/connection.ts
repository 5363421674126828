import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Client, type ClientConfig } from 'pg';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { IpTrackingError } from '../ip-tracking.errors.js';

/** How PostgreSQL is reached: what pg makes of a URL. */
export interface ConnectionTarget {
  /** A name, an address, or the folder of a UNIX socket. */
  host: string;
  port: number;
  user: string | undefined;
  password: string | (() => string | Promise<string>) | undefined;
  database: string;
  ssl: boolean | TlsOptions;
  /** Command-line options for the session, such as `-c geqo=off`. */
  options: string | undefined;
}

interface ReadByPg {
  host: string;
  port: number;
  user?: string;
  password?: string;
  database?: string;
  ssl: unknown;
  connectionParameters: { options?: string };
}

/**
 * Reads a URL as pg does, in every form that pg takes: `postgres://u:p@host:5432/name`, `postgres:///name` by the
 * defaults and the environment, `postgres://u@/name?host=/var/run/postgresql`, `socket:/var/run/postgresql?db=name`, with
 * `sslmode`, `sslrootcert` and the rest.
 *
 * @param path the option, for the error.
 * @param ssl what `database.ssl` says, over what the URL says.
 * @throws IpTrackingError `IPT_INVALID_OPTION`; it never shows what may be a password.
 */
export function readUrl(path: string, url: string, ssl?: boolean | TlsOptions): ConnectionTarget {
  let read: ReadByPg;
  try {
    if (!/^(?:postgres(?:ql)?:\/\/|socket:|\/)/.test(url)) throw new TypeError('another scheme');
    read = new Client({ connectionString: url }) as unknown as ReadByPg;
  } catch (error) {
    const { code, path: file, message } = error as NodeJS.ErrnoException;
    if (message.includes('sslmode')) {
      throw new IpTrackingError('IPT_INVALID_OPTION', `${path} cannot be used: ${message}`);
    }
    const why =
      code === 'ENOENT' || code === 'EACCES'
        ? `names the file ${file}, which cannot be read (${code})`
        : 'is not a PostgreSQL URL';
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `${path} ${why}: give one such as postgres://user:password@host:5432/name, in which each of @ : / ? # % [ ] of a password is escaped (@ is %40, / is %2F). Is the environment variable set?`,
    );
  }
  return {
    host: read.host,
    port: read.port,
    user: read.user,
    password: read.password,
    database: read.database ?? read.user ?? '',
    ssl: ssl ?? read.ssl ?? false,
    options: read.connectionParameters.options,
  };
}

/** Where a DataSource connects to, in whatever form its options say so. */
export function targetOf({ options }: DataSource): ConnectionTarget {
  const { url, host, port, username, password, database, ssl, extra, replication } =
    options as PostgresOptions;
  const main = { url, host, port, username, password, database, ssl, ...replication?.master };
  const given = (extra ?? {}) as ClientConfig;
  const read = new Client({
    ...(main.url === undefined
      ? {
          host: main.host,
          port: main.port,
          user: main.username,
          password: typeof main.password === 'string' ? main.password : undefined,
          database: main.database,
        }
      : { connectionString: main.url }),
    ...(given.connectionString === undefined ? {} : { connectionString: given.connectionString }),
    ...(given.host === undefined ? {} : { host: given.host }),
    ...(given.port === undefined ? {} : { port: given.port }),
  }) as unknown as ReadByPg;
  return {
    host: read.host,
    port: read.port,
    user: read.user,
    // A host may ask for it anew each time it connects.
    password: typeof main.password === 'function' ? main.password : read.password,
    database: read.database ?? read.user ?? '',
    ssl: main.ssl ?? read.ssl ?? false,
    options: given.options ?? read.connectionParameters.options,
  };
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** What tells one connection from another, whatever form it was given in; without who connects, and their password. */
export function nameOfTarget({ host, port, database }: ConnectionTarget): string {
  return JSON.stringify([host.toLowerCase(), port, database]);
}

/** A target as pg takes it, which does not take what is undefined. */
export interface ClientTarget extends Omit<ConnectionTarget, 'user' | 'password' | 'options'> {
  user?: string;
  password?: string | (() => string | Promise<string>);
  options?: string;
}

/** A target as pg takes it. */
export function clientConfig({
  user,
  password,
  options,
  ...target
}: ConnectionTarget): ClientTarget {
  return {
    ...target,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(options === undefined ? {} : { options }),
  };
}
