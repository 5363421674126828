import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isTransient } from '../database/connection-error.js';
import { nameOfTarget, targetOf } from '../database/connection.js';
import { Database } from '../database/database.js';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import { logger, provide, token } from '../provide.js';
import { readIdentity } from './identity.repository.js';
import { State } from './state.js';
import { StateFiles } from './state-files.js';
import {
  defaultStateFolder,
  openStateFolder,
  stateFolderIn,
  temporaryStateFolder,
  type StatePlace,
} from './state-folder.js';
import { STATE_SETTINGS, type StateSettings } from './state.options.js';

/** What outlives the process; null where nothing does. */
export const STATE = token<State | null>('state');

export const stateProviders = [
  provide(STATE, [STATE_SETTINGS, Database], async (settings, database) => {
    const folder = await (settings.isNeeded ? make(settings) : find(settings));
    if (folder === null) return null;
    const target = nameOfTarget(targetOf(database.dataSource));
    return new State(new StateFiles(folder, target), {
      isReader: !settings.isNeeded,
      identify: () => readIdentity(database),
      isPassing: (error) =>
        isTransient(error) ||
        (error instanceof IpTrackingError && error.code === 'IPT_SCHEMA_MISSING'),
      onRelated: ({ name, path }) =>
        logger.warn(
          `${path} holds the state of a database that this one is a copy of, or the other way round (a clone, an upgrade, a restored dump, a schema made anew): it is set aside, and nothing of it is delivered here. "ip-tracking adopt-state ${name}" takes its records over; else remove the folder`,
        ),
      onUnknown: (error) =>
        logger.error(
          `the database cannot say who it is, so the rules are not kept on disk, and what earlier processes have spooled stays there: ${messageOf(error)}. The role needs "grant select on ip_tracking.installation"`,
        ),
    });
  }),
];

async function make({ stateDir }: StateSettings): Promise<string | null> {
  if (stateDir === false) return null;
  const places =
    stateDir === undefined
      ? [defaultStateFolder(), temporaryStateFolder()]
      : [stateFolderIn(resolve(stateDir))];
  const refusals: string[] = [];
  for (const place of places) {
    try {
      await openStateFolder(place.path);
      sayWhere(place, refusals);
      return place.path;
    } catch (error) {
      refusals.push(messageOf(error));
    }
  }
  logger.warn(
    `nothing is kept on disk: ${refusals.join('; ')}. Set stateDir to a folder of this user's, or to false to be silent`,
  );
  return null;
}

/** In production nobody should learn of a swept folder by what is gone. */
function sayWhere({ path, isSwept }: StatePlace, refusals: readonly string[]): void {
  if (!isSwept || process.env['NODE_ENV'] !== 'production') return;
  logger.warn(
    `what outlives this process is kept in ${path}, which the system may sweep (${refusals.join('; ')}): set stateDir to a folder that stays`,
  );
}

/** For a program that only reads, such as a command: what the app has made, and nothing where that has made nothing. */
async function find({ stateDir }: StateSettings): Promise<string | null> {
  if (stateDir === false) return null;
  if (stateDir !== undefined) {
    const { path } = stateFolderIn(resolve(stateDir));
    return (await stat(path).catch(() => null))?.isDirectory() === true ? path : null;
  }
  for (const { path } of [defaultStateFolder(), temporaryStateFolder()]) {
    const found = await stat(path).catch(() => null);
    // Under a shared folder it may be anybody's.
    if (found?.isDirectory() === true && found.uid === process.getuid?.()) return path;
  }
  return null;
}
