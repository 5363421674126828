import { IpTrackingError } from '../ip-tracking.errors.js';
import { requireIp } from '../net/ip-address.js';
import { parsePrefix, type Prefix } from '../net/prefix.js';
import { callable, checkObject, flag, invalid, plainText, show } from '../options/checks.js';
import type { Check } from '../options/checks.js';
import { durationMs } from '../options/duration.js';
import { countrySet } from './countries.js';

/** The longest reason, source and author, in characters. */
const LONGEST_TEXT = 1_000;
/** The most that the index of a rule takes of its source, in bytes of UTF-8: PostgreSQL's limit is 2,704 for all of it. */
const MOST_SOURCE_BYTES = 2_400;

const text = plainText(LONGEST_TEXT);

/** How each detail of a rule is checked. */
export const RULE_DETAILS = {
  reason: text,
  forMs: durationMs,
  source,
  createdBy: text,
} satisfies Record<string, Check>;

/** How each detail of a block is checked. */
export const BLOCK_DETAILS = {
  ...RULE_DETAILS,
  caller: (path, value) => void requireIp(value as string, path),
  force: flag,
  isAutomatic: flag,
  onWarning: callable,
} satisfies Record<string, Check>;

/** How what is said of a removal is checked. */
export const REMOVAL_DETAILS = { by: text } satisfies Record<string, Check>;

/** How what a list is to hold is checked. */
export const LIST_OPTIONS = { includeExpired: flag } satisfies Record<string, Check>;

/** How what an explanation is to be about is checked. */
export const EXPLAINED = {
  path: (path, value) => {
    if (typeof value !== 'string') invalid(path, value, 'give a path, such as "/admin"');
  },
  country: (path, value) => {
    if (value !== null) countrySet(path, [value as string]);
  },
} satisfies Record<string, Check>;

/**
 * Checks what was given besides a network or an address: a script or a body parser hands over anything, whatever the
 * types say.
 *
 * @throws IpTrackingError `IPT_UNKNOWN_OPTION` for a name that means nothing, else what the check throws.
 */
export function checkDetails(given: unknown, checks: Record<string, Check>): void {
  checkObject('details', given, checks);
}

/** @throws IpTrackingError `IPT_INVALID_PREFIX` for what is neither the text of an address nor a CIDR. */
export function requirePrefix(given: unknown): Prefix {
  const prefix = parsePrefix(given as string);
  if (prefix !== null) return prefix;
  throw new IpTrackingError(
    'IPT_INVALID_PREFIX',
    `${show(given)} is neither an IP address nor a network: write one such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32`,
  );
}

function source(path: string, value: unknown): void {
  text(path, value);
  const given = value as string;
  if (given.trim() === '') {
    invalid(path, value, 'name where the rule comes from, or leave it out for "manual"');
  }
  if (Buffer.byteLength(given) > MOST_SOURCE_BYTES) {
    invalid(path, value, `give ${MOST_SOURCE_BYTES} bytes of UTF-8 at most`);
  }
}
