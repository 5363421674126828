import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { logger, provide, token, type Token } from '../provide.js';
import { readUrl, targetOf } from './connection.js';
import { createDataSource, DATA_SOURCE_NAME, type EntityClass } from './data-source.js';
import { Database } from './database.js';
import { EmptyDatabase, NOWHERE } from './empty-database.js';
import { connectTimeoutOf, DATABASE_SETTINGS } from './database.options.js';
import { migrateDatabase } from './migrate-database.js';
import { DeafListener, NotificationListener } from './notifications.js';

/** The token under which `@nestjs/typeorm` finds the DataSource. */
export const DATA_SOURCE = getDataSourceToken(DATA_SOURCE_NAME) as unknown as Token<DataSource>;
/** The entities of all rooms. */
export const ENTITIES = token<EntityClass[]>('entities');

/** The way to PostgreSQL, and the connection that listens. */
export const databaseProviders = [
  provide(DATA_SOURCE, [DATABASE_SETTINGS, ENTITIES], (options, entities) =>
    createDataSource(options ?? NOWHERE, entities),
  ),
  provide(Database, [DATA_SOURCE, DATABASE_SETTINGS], (dataSource, options) => {
    if (options === null) return new EmptyDatabase(dataSource, false);
    return 'dataSource' in options
      ? new Database(dataSource, false)
      : new Database(
          dataSource,
          true,
          options.migrationsRun === true ? () => migrateDatabase(options) : undefined,
        );
  }),
  provide(NotificationListener, [Database, DATABASE_SETTINGS], (database, options) => {
    if (options === null) return new DeafListener();
    return new NotificationListener({
      target: () =>
        options.directUrl === undefined
          ? targetOf(database.dataSource)
          : readUrl(
              'database.directUrl',
              options.directUrl,
              'ssl' in options ? options.ssl : undefined,
            ),
      connectTimeoutMs: connectTimeoutOf(options),
      notify: (channel, message) => database.query('select pg_notify($1, $2)', [channel, message]),
      onDeaf: () =>
        logger.error(
          'notifications of PostgreSQL do not arrive, so changes of rules are found by asking, every rules.pollIntervalMs, and limits are not reset: does a pooler such as PgBouncer in transaction mode answer there? Give the URL of PostgreSQL itself in database.directUrl',
        ),
    });
  }),
];
