import { parseDuration } from '../options/duration.js';
import { IpTrackingError } from '../ip-tracking.errors.js';
import { flag, oneOf, show, type Check } from '../options/checks.js';
import type { AddressMode, PrivacyOptions } from './privacy.options.js';

/** The options with every default filled in. */
export interface PrivacySettings {
  address: AddressMode;
  /** The current key first, then those of before; may be empty unless addresses are hashed. */
  keys: readonly string[];
  rotateEveryMs: number;
  query: readonly string[];
  userAgent: boolean;
}

const DEFAULT_PERIOD_MS = 86_400_000;
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

/**
 * Fills in the defaults of options that have passed {@link PRIVACY_CHECKS}.
 *
 * @throws IpTrackingError `IPT_PRIVACY_KEY` where addresses are to be hashed and no key is given. A hash without a key
 * hides nothing: all of IPv4 is tried in minutes.
 */
export function privacySettings(options: PrivacyOptions): PrivacySettings {
  const address = options.address ?? 'full';
  if (address === 'hashed' && options.key === undefined) {
    throw new IpTrackingError('IPT_PRIVACY_KEY', `privacy.key is missing: ${KEY_ADVICE}`);
  }
  return {
    address,
    keys: [...(options.key === undefined ? [] : [options.key]), ...(options.previousKeys ?? [])],
    rotateEveryMs:
      options.rotateEvery === undefined ? DEFAULT_PERIOD_MS : parseDuration(options.rotateEvery),
    query: options.query || [],
    userAgent: options.userAgent ?? true,
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
    periodMs = parseDuration(value as string);
  } catch (error) {
    throw new IpTrackingError('IPT_INVALID_DURATION', `${path}: ${(error as Error).message}`);
  }
  if (periodMs < SHORTEST_PERIOD_MS) invalid(path, value, "give an hour or more, such as '24h'");
}

function checkQuery(path: string, value: unknown): void {
  if (value === false) return;
  const isList = Array.isArray(value) && value.every((name) => typeof name === 'string' && name);
  if (!isList) invalid(path, value, "give false, or the names to keep, such as ['page', 'sort']");
}

function invalid(path: string, value: unknown, wanted: string): never {
  throw new IpTrackingError('IPT_INVALID_OPTION', `${path} is ${show(value)}: ${wanted}.`);
}
