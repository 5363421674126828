import { invalid, type Check } from '../options/checks.js';
import { token } from '../provide.js';

/** Where the module keeps what outlives the process. */
export interface StateOptions {
  /**
   * A folder for what outlives the process: the last known rules, for a boot without the database, and the records that
   * the database has not taken. A folder `nestjs-ip-tracking` is made in it, private to its user (0700). `false`: nothing
   * is kept on disk.
   *
   * @default `$XDG_STATE_HOME`, else `~/.local/state`, else the system's temporary folder
   */
  stateDir?: string | false;
}

/** `stateDir`. */
export const checkStateDir: Check = (path, value) => {
  if (value === false || (typeof value === 'string' && value !== '')) return;
  invalid(path, value, 'give the path of a folder, or false');
};

/** Where what outlives the process is kept, and what for. */
export interface StateSettings {
  /** `undefined` for the default folder. */
  readonly stateDir: string | false | undefined;
  /** Whether this process has anything to keep. One that has not makes no folder, and reads what there is. */
  readonly isNeeded: boolean;
}

export const STATE_SETTINGS = token<StateSettings>('state-settings');
