import { invalid, type Check } from '../options/checks.js';
import { token } from '../provide.js';

/** Where the module keeps what outlives the process. */
export interface StateOptions {
  /**
   * A folder for what outlives the process, private to its user: the last known rules, for a boot without the
   * database, and the records that the database has not taken. `false`: nothing is kept on disk.
   *
   * @default a folder of this user's and database's under the system's temporary one
   */
  stateDir?: string | false;
}

/** `stateDir`. */
export const checkStateDir: Check = (path, value) => {
  if (value === false || (typeof value === 'string' && value !== '')) return;
  invalid(path, value, 'give the path of a folder, or false');
};

/** Where what outlives the process is kept, and whether there is anything to keep. */
export interface StateSettings {
  /** `undefined` for the default folder. */
  readonly stateDir: string | false | undefined;
  readonly isNeeded: boolean;
}

export const STATE_SETTINGS = token<StateSettings>('state-settings');
