import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import { checkObject, flag, invalid, oneOf, show, type Check } from '../options/checks.js';
import type { Defaults } from '../options/defaults.js';
import { parseDuration } from '../options/duration.js';
import { token } from '../provide.js';

/** How a client's address is stored: whole, without its last bits, as a keyed hash, or not at all. */
export type AddressMode = 'full' | 'truncated' | 'hashed' | 'none';

/** What is kept of a request. Rules, limits and places go by the real address whatever is said here. */
export interface PrivacyOptions {
  /**
   * `full`; `truncated` to the /24 of IPv4 and the /48 of IPv6; `hashed` to an address inside `fd00::/8` that stays the
   * same for one client until the key is rotated; `none`. Under anything but `full`, what is stored names nobody whom a
   * rule could block, so bans can only come from what is seen live.
   *
   * @default 'full'
   */
  address?: AddressMode;
  /** The secret behind `hashed`: 32 bytes or more of text, from your store of secrets. Processes that share a log share it. */
  key?: string;
  /** Keys of before, so that rows which were stored under them can still be erased and exported. @default none */
  previousKeys?: string[];
  /**
   * How long one client has one hash: a duration such as `24h` or `7d`, of an hour or more. Periods are counted from
   * 1970 UTC, so all processes change at the same moment.
   *
   * @default '24h'
   */
  rotateEvery?: string;
  /** Parameters of the query string that are kept in `path`, by name; `false` keeps none. @default false */
  query?: false | string[];
  /** Keep the user agent. @default true */
  userAgent?: boolean;
}

/** What each of {@link PrivacyOptions} is where it is left out. */
export const PRIVACY_DEFAULTS = {
  address: 'full',
  key: null,
  previousKeys: [],
  rotateEvery: '24h',
  query: false,
  userAgent: true,
} satisfies Defaults<PrivacyOptions>;

/** {@link PrivacyOptions} with every default filled in. */
export interface PrivacySettings {
  address: AddressMode;
  /** The current key first, then those of before; may be empty unless addresses are hashed. */
  keys: readonly string[];
  rotateEveryMs: number;
  query: readonly string[];
  userAgent: boolean;
}

export const PRIVACY_SETTINGS = token<PrivacySettings>('privacy-settings');

/** The hourly scan counts by what is stored: a client who changes within the hour would escape it. */
const SHORTEST_PERIOD_MS = 3_600_000;
const LEAST_KEY_BYTES = 32;

/** How each option of {@link PrivacyOptions} is checked. */
export const PRIVACY_CHECKS: Record<keyof PrivacyOptions, Check> = {
  address: oneOf('full', 'truncated', 'hashed', 'none'),
  key: checkKey,
  previousKeys: (path, value) => {
    if (!Array.isArray(value)) invalid(path, value, 'give a list of keys');
    for (const [index, key] of (value as unknown[]).entries()) checkKey(`${path}[${index}]`, key);
  },
  rotateEvery: checkPeriod,
  query: checkQuery,
  userAgent: flag,
};

/** `privacy` as a whole. */
export const checkPrivacy: Check = (path, value) => checkObject(path, value, PRIVACY_CHECKS);

/**
 * Fills in the defaults of options that have passed {@link PRIVACY_CHECKS}.
 *
 * @throws IpTrackingError `IPT_PRIVACY_KEY` where addresses are to be hashed and no key is given. A hash without a key
 * hides nothing: all of IPv4 is tried in minutes.
 */
export function privacySettings(options: PrivacyOptions): PrivacySettings {
  const address = options.address ?? PRIVACY_DEFAULTS.address;
  if (address === 'hashed' && options.key === undefined) {
    throw new IpTrackingError('IPT_PRIVACY_KEY', `privacy.key is missing: ${KEY_ADVICE}`);
  }
  return {
    address,
    keys: [...(options.key === undefined ? [] : [options.key]), ...(options.previousKeys ?? [])],
    rotateEveryMs: parseDuration(options.rotateEvery ?? PRIVACY_DEFAULTS.rotateEvery),
    query: options.query || [],
    userAgent: options.userAgent ?? PRIVACY_DEFAULTS.userAgent,
  };
}

const KEY_ADVICE =
  'give a secret of at least 32 bytes, such as node -p "crypto.randomBytes(32).toString(\'base64\')" makes';

function checkKey(path: string, value: unknown): void {
  if (typeof value === 'string' && Buffer.byteLength(value) >= LEAST_KEY_BYTES) return;
  // A key is a secret, even one that is no good: of what was given only its length is shown.
  const shown = typeof value === 'string' ? `${Buffer.byteLength(value)} bytes long` : show(value);
  throw new IpTrackingError('IPT_PRIVACY_KEY', `${path} is ${shown}: ${KEY_ADVICE}`);
}

function checkPeriod(path: string, value: unknown): void {
  if (typeof value !== 'string') invalid(path, value, "give a duration, such as '24h'");
  let periodMs: number;
  try {
    periodMs = parseDuration(value);
  } catch (error) {
    throw new IpTrackingError('IPT_INVALID_DURATION', `${path}: ${messageOf(error)}`);
  }
  if (periodMs < SHORTEST_PERIOD_MS) invalid(path, value, "give an hour or more, such as '24h'");
}

function checkQuery(path: string, value: unknown): void {
  if (value === false) return;
  const isList = Array.isArray(value) && value.every((name) => typeof name === 'string' && name);
  if (!isList) invalid(path, value, "give false, or the names to keep, such as ['page', 'sort']");
}
