import { DATABASE_SETTINGS, type DatabaseOptions } from '../database/database.options.js';
import { messageOf } from '../ip-tracking.errors.js';
import { logger, provide, token } from '../provide.js';
import { defaultStateFolder, openStateFolder } from './state-folder.js';
import { STATE_SETTINGS, type StateSettings } from './state.options.js';

/** The folder for what outlives the process; null where there is none to be had. */
export const STATE_FOLDER = token<string | null>('state-folder');

export const stateProviders = [provide(STATE_FOLDER, [STATE_SETTINGS, DATABASE_SETTINGS], open)];

async function open(
  { stateDir, isNeeded }: StateSettings,
  database: DatabaseOptions,
): Promise<string | null> {
  if (stateDir === false || !isNeeded) return null;
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
function identityOf(database: DatabaseOptions): string {
  if ('dataSource' in database) {
    const { options } = database.dataSource;
    return JSON.stringify([options.type, options.database, 'host' in options ? options.host : '']);
  }
  const { host, pathname } = new URL(database.url);
  return JSON.stringify([host, pathname]);
}
