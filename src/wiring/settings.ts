import { getDataSourceToken } from '@nestjs/typeorm';
import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { createDataSource, DATA_SOURCE_NAME } from '../database/data-source.js';
import { Database } from '../database/database.js';
import { IP_TRACKING_ENTITIES } from '../ip-tracking.entities.js';
import type { IpTrackingOptions } from '../ip-tracking.options.js';
import { resolveOptions, type ResolvedOptions } from '../resolved-options.js';
import { ClientIpResolver, createClientIpResolver } from '../net/client-ip.js';
import { defaultStateFolder, openStateFolder } from '../state/state-folder.js';
import { logger, messageOf, provide } from './provide.js';

/** What `forRoot` and `forRootAsync` are made of. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<IpTrackingOptions>({ moduleName: 'IpTracking' })
    .setClassMethodName('forRoot')
    .build();

/** The options with every default filled in. */
export const RESOLVED_OPTIONS = Symbol('nestjs-ip-tracking.resolved-options');
/** The token under which `@nestjs/typeorm` finds the DataSource. */
export const DATA_SOURCE = getDataSourceToken(DATA_SOURCE_NAME) as string;
/** The folder for what outlives the process; null where there is none to be had. */
export const STATE_FOLDER = Symbol('nestjs-ip-tracking.state-folder');

/** The options, and what is made of nothing else. */
export const settings = [
  provide(RESOLVED_OPTIONS, [MODULE_OPTIONS_TOKEN], resolveOptions),
  provide(DATA_SOURCE, [RESOLVED_OPTIONS], ({ database }: ResolvedOptions) =>
    createDataSource(database, IP_TRACKING_ENTITIES),
  ),
  provide(
    Database,
    [DATA_SOURCE, RESOLVED_OPTIONS],
    (dataSource: DataSource, { database }: ResolvedOptions) =>
      'dataSource' in database
        ? new Database(dataSource, false, false)
        : new Database(dataSource, true, database.migrationsRun ?? false),
  ),
  provide(STATE_FOLDER, [RESOLVED_OPTIONS], openFolder),
  provide(ClientIpResolver, [RESOLVED_OPTIONS], ({ clientIp }: ResolvedOptions) =>
    createClientIpResolver(clientIp, { onWarning: ({ message }) => logger.warn(message) }),
  ),
];

async function openFolder(options: ResolvedOptions): Promise<string | null> {
  const { stateDir, database, rules, requestLog } = options;
  const hasSpool = requestLog.isEnabled && requestLog.spool !== null;
  if (stateDir === false || !((rules.isEnabled && rules.live) || hasSpool)) return null;
  const folder = stateDir ?? defaultStateFolder(identityOf(database));
  try {
    await openStateFolder(folder);
    return folder;
  } catch (error) {
    logger.warn(
      `nothing is kept on disk: ${messageOf(error)}. Set stateDir to a folder of this user's, or to false to be silent`,
    );
    return null;
  }
}

/** Tells the state of one database from another's, without the password, which may change. */
function identityOf(database: ResolvedOptions['database']): string {
  if ('dataSource' in database) {
    const { options } = database.dataSource;
    return JSON.stringify([options.type, options.database, 'host' in options ? options.host : '']);
  }
  const { host, pathname } = new URL(database.url);
  return JSON.stringify([host, pathname]);
}
