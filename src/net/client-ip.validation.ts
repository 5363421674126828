import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from '../options/checks.js';
import { didYouMean } from '../options/did-you-mean.js';
import type { ClientIpOptions, ClientIpPreset } from './client-ip.options.js';
import { isTokenChar, type ListHeader } from './forwarded-header.js';

/** Which options each strategy has besides `strategy`. */
const OPTIONS_OF: Record<ClientIpOptions['strategy'], readonly string[]> = {
  socket: [],
  'trusted-proxies': ['proxies', 'header'],
  hops: ['hops', 'header'],
  header: ['header', 'proxies'],
  preset: ['preset', 'proxies'],
};
const STRATEGIES = Object.keys(OPTIONS_OF) as ClientIpOptions['strategy'][];

const LIST_HEADERS: readonly ListHeader[] = ['x-forwarded-for', 'forwarded'];

/** Headers that proxies append to; the client writes the left of each. */
const APPENDED_HEADERS = [
  'x-forwarded-for',
  'forwarded',
  'x-forwarded',
  'forwarded-for',
  'x-original-forwarded-for',
  'via',
];

/** More proxies than any chain has; also bounds what a long header can cost. */
export const MAX_HOPS = 64;

/**
 * Checks the shape of the options: strategy, names, and what belongs to which.
 * @throws {IpTrackingError} `IPT_INVALID_OPTION` or `IPT_UNKNOWN_OPTION`.
 */
export function checkOptions(options: unknown): asserts options is ClientIpOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `clientIp is ${show(options)}: give an object with a strategy, such as { strategy: 'socket' }.`,
    );
  }
  const { strategy } = options as { strategy?: unknown };
  const known = STRATEGIES.find((name) => name === strategy);
  if (known === undefined) {
    throw new IpTrackingError(
      'IPT_INVALID_OPTION',
      `clientIp.strategy is ${show(strategy)}. ${suggest(strategy, STRATEGIES)}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (name === 'strategy' || value === undefined || OPTIONS_OF[known].includes(name)) continue;
    const owner = STRATEGIES.find((other) => OPTIONS_OF[other].includes(name));
    throw new IpTrackingError(
      'IPT_UNKNOWN_OPTION',
      owner
        ? `clientIp.${name} does nothing with strategy "${known}"; it belongs to "${owner}". ` +
            'Remove it, or change the strategy.'
        : `clientIp.${name} is no option of strategy "${known}". ` +
            suggest(name, ['strategy', ...OPTIONS_OF[known]]),
    );
  }
}

/** @throws {IpTrackingError} `IPT_INVALID_HEADER` for anything but the two lists. */
export function listHeader(header: unknown): ListHeader {
  if (header === undefined) return 'x-forwarded-for';
  const name = typeof header === 'string' ? header.toLowerCase() : undefined;
  const known = LIST_HEADERS.find((list) => list === name);
  if (known !== undefined) return known;
  const meant = name && didYouMean(name, LIST_HEADERS);
  throw new IpTrackingError(
    'IPT_INVALID_HEADER',
    `clientIp.header is ${show(header)}, which is no list of proxies: use "x-forwarded-for" or "forwarded"` +
      (meant
        ? `. Did you mean "${meant}"?`
        : `, or { strategy: 'header' } for a header that holds one address.`),
  );
}

/** @throws {IpTrackingError} `IPT_INVALID_HEADER` for a list, and for what is no name of a header (RFC 9110 5.1). */
export function singleHeader(header: unknown): string {
  const name = typeof header === 'string' ? header.toLowerCase() : '';
  if (APPENDED_HEADERS.includes(name)) {
    throw new IpTrackingError(
      'IPT_INVALID_HEADER',
      `clientIp.header is ${show(header)}: proxies append to it, so it holds a list whose left end the client writes. ` +
        `Use { strategy: 'trusted-proxies', proxies: [...] } for it, or name a header that your proxy overwrites, such as "X-Real-IP".`,
    );
  }
  if (name === '' || name.length > 128 || !isToken(name)) {
    throw new IpTrackingError(
      'IPT_INVALID_HEADER',
      `clientIp.header is ${show(header)}: give the name of the header that your proxy sets, such as "X-Real-IP".`,
    );
  }
  return name;
}

/** @throws {IpTrackingError} `IPT_INVALID_HOPS` for anything but a whole number from 0 to 64. */
export function hopCount(hops: unknown): number {
  if (typeof hops === 'number' && Number.isInteger(hops) && hops >= 0 && hops <= MAX_HOPS)
    return hops;
  throw new IpTrackingError(
    'IPT_INVALID_HOPS',
    `clientIp.hops is ${show(hops)}: give the number of proxies in front of ` +
      `the app as a whole number from 0 to ${MAX_HOPS}; one nginx is 1, a CDN and a load balancer are 2.`,
  );
}

/** @throws {IpTrackingError} `IPT_UNKNOWN_PRESET`. */
export function presetName(preset: unknown, presets: readonly ClientIpPreset[]): ClientIpPreset {
  const known = presets.find((name) => name === preset);
  if (known !== undefined) return known;
  throw new IpTrackingError(
    'IPT_UNKNOWN_PRESET',
    `clientIp.preset is ${show(preset)}. ${suggest(preset, presets)}`,
  );
}

function suggest(word: unknown, candidates: readonly string[]): string {
  const meant = typeof word === 'string' ? didYouMean(word, candidates) : undefined;
  return meant ? `Did you mean "${meant}"?` : `Use one of: ${candidates.join(', ')}.`;
}

function isToken(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (!isTokenChar(name.charCodeAt(i))) return false;
  return true;
}
