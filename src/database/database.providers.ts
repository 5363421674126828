import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { provide, token, type Token } from '../provide.js';
import { createDataSource, DATA_SOURCE_NAME, type EntityClass } from './data-source.js';
import { Database } from './database.js';
import { DATABASE_SETTINGS } from './database.options.js';
import { migrateDatabase } from './migrate-database.js';
import { NotificationListener } from './notifications.js';

/** The token under which `@nestjs/typeorm` finds the DataSource. */
export const DATA_SOURCE = getDataSourceToken(DATA_SOURCE_NAME) as unknown as Token<DataSource>;
/** The entities of all rooms. */
export const ENTITIES = token<EntityClass[]>('entities');

/** The way to PostgreSQL, and the connection that listens. */
export const databaseProviders = [
  provide(DATA_SOURCE, [DATABASE_SETTINGS, ENTITIES], createDataSource),
  provide(Database, [DATA_SOURCE, DATABASE_SETTINGS], (dataSource, options) =>
    'dataSource' in options
      ? new Database(dataSource, false)
      : new Database(
          dataSource,
          true,
          options.migrationsRun === true ? () => migrateDatabase(options) : undefined,
        ),
  ),
  provide(
    NotificationListener,
    [DATA_SOURCE],
    (dataSource) => new NotificationListener(dataSource),
  ),
];
