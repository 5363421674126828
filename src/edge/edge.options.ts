import { invalid, pathList, wholeNumber, type Check } from '../options/checks.js';
import { identifyByUserKeys, type Identify } from './identify.js';
import { token } from '../provide.js';

/** What several parts of the module go by, whichever of them are on. */
export interface EdgeOptions {
  /**
   * Tells who is asking: the user's id, or null while it is not known; or the names under which `request.user` may keep
   * it, the first that is there. Limits count users by it, and the request log keeps it.
   *
   * @default ['id', 'sub']
   */
  identify?: Identify | string[];
  /**
   * Paths of interest to detection, with all that is below them, compared segment by segment, with the app's global
   * prefix and URI version in front or without; a request for one is `sensitive` in the log, and flags whoever has made
   * it.
   *
   * @default ['/admin', '/login']
   */
  sensitivePaths?: string[];
  /** IPv6 clients are counted, and found, by networks of this length: a client has a whole one to themselves. @default 64 */
  ipv6PrefixLength?: number;
}

/** What each of {@link EdgeOptions} is where it is left out. */
export const EDGE_DEFAULTS = {
  identify: ['id', 'sub'],
  sensitivePaths: ['/admin', '/login'],
  ipv6PrefixLength: 64,
} satisfies Required<EdgeOptions>;

/** How each of {@link EdgeOptions} is checked. */
export const EDGE_CHECKS: Record<keyof EdgeOptions, Check> = {
  identify: (path, value) => {
    if (typeof value === 'function') return;
    const isList = Array.isArray(value) && value.length > 0;
    if (isList && value.every((name) => typeof name === 'string' && name !== '')) return;
    invalid(path, value, "give a function, or the names of request.user's keys, such as ['id']");
  },
  sensitivePaths: pathList,
  ipv6PrefixLength: wholeNumber(1, 128),
};

/** {@link EdgeOptions} with every default filled in. */
export interface EdgeSettings {
  /** Whether the edge stands in any request's way; false where the module is off. */
  readonly isAttached: boolean;
  readonly identify: Identify;
  readonly sensitivePaths: readonly string[];
  readonly ipv6PrefixLength: number;
}

export const EDGE_SETTINGS = token<EdgeSettings>('edge-settings');

/** Fills in the defaults of options that have passed {@link EDGE_CHECKS}. */
export function edgeSettings(options: EdgeOptions, isAttached: boolean): EdgeSettings {
  const { identify = EDGE_DEFAULTS.identify } = options;
  return {
    isAttached,
    identify: typeof identify === 'function' ? identify : identifyByUserKeys(identify),
    sensitivePaths: options.sensitivePaths ?? EDGE_DEFAULTS.sensitivePaths,
    ipv6PrefixLength: options.ipv6PrefixLength ?? EDGE_DEFAULTS.ipv6PrefixLength,
  };
}
