import { IpTrackingError } from '../ip-tracking.errors.js';
import { callable, checkObject, flag, oneOf, wholeNumber, type Check } from '../options/checks.js';
import { filled, type Defaults, type Filled } from '../options/defaults.js';
import { countrySet } from './countries.js';
import type { RuleMode, WithoutRules } from './decide.js';
import type { BlockedRequest, RefusalFactory } from './refusal.js';
import { token } from '../provide.js';

/** How wide a block may be that a program makes, as a prefix length: a smaller one is a wider network. */
export interface AutomaticBlockOptions {
  /** 0 to 32. @default 24 */
  widestIpv4?: number;
  /** 0 to 128. @default 48 */
  widestIpv6?: number;
}

/** Allow and block rules. */
export interface RulesOptions {
  /** `blocklist` lets in whom no rule blocks; `allowlist` lets in whom a rule allows, and nobody else. @default 'blocklist' */
  mode?: RuleMode;
  /** How often the rules are compared with the database should a notification be lost, in milliseconds. @default 5000 */
  pollIntervalMs?: number;
  /** How long the app's start waits for the first load of the rules, in milliseconds. @default 3000 */
  startTimeoutMs?: number;
  /**
   * What happens to clients while no rules are known: the database has not been reached, and no earlier run has kept any
   * on disk, or they are damaged. `open` lets in whom nothing else refuses; `closed` answers 403 on every path, but for
   * routes that say `@SkipIpRules()`.
   *
   * @default 'open' in mode `blocklist`, 'closed' in mode `allowlist`
   */
  withoutRules?: WithoutRules;
  /** Follow the database. `false` is for programs that change rules but serve no requests. @default true */
  follow?: boolean;
  /**
   * End the open WebSockets of a client who becomes blocked. With `false` they stay open: their messages are refused, but
   * for handlers that say `@SkipIpRules()`, and what is broadcast still reaches the client.
   *
   * @default true
   */
  endWebSockets?: boolean;
  /** Countries that are refused, as ISO 3166-1 codes such as `DE`. An unknown country is not. @default none */
  blockCountries?: string[];
  /** The only countries that are let in. An unknown country is refused; an allow rule lets it in. @default all */
  allowCountries?: string[];
  /** Bounds for blocks that are made with `isAutomatic`, and by detection. @default { widestIpv4: 24, widestIpv6: 48 } */
  automaticBlocks?: AutomaticBlockOptions;
  /**
   * How many requests a minute a client may make whom a `limit` rule names, whatever they are for; counted where
   * `rateLimits` counts. Beyond it they get 429.
   *
   * @default 60
   */
  limitedPerMinute?: number;
  /** Makes the answer to a refused client: a page, or another status such as 451 or 404. @default 403 in JSON */
  refusal?: RefusalFactory;
  /** Told of every refusal, after it was decided. What it throws or rejects with is swallowed. */
  onBlocked?: (blocked: BlockedRequest) => unknown;
}

/** What each of {@link RulesOptions} is where it is left out. */
export const RULES_DEFAULTS = {
  mode: 'blocklist',
  pollIntervalMs: 5_000,
  startTimeoutMs: 3_000,
  withoutRules: null,
  follow: true,
  endWebSockets: true,
  blockCountries: null,
  allowCountries: null,
  automaticBlocks: null,
  limitedPerMinute: 60,
  refusal: null,
  onBlocked: null,
} satisfies Defaults<RulesOptions>;

/** What each of {@link AutomaticBlockOptions} is where it is left out. */
export const AUTOMATIC_BLOCKS_DEFAULTS = {
  widestIpv4: 24,
  widestIpv6: 48,
} satisfies Defaults<AutomaticBlockOptions>;

/** How each of {@link AutomaticBlockOptions} is checked. */
export const AUTOMATIC_BLOCKS_CHECKS: Record<keyof AutomaticBlockOptions, Check> = {
  widestIpv4: wholeNumber(0, 32),
  widestIpv6: wholeNumber(0, 128),
};

/** How each of {@link RulesOptions} is checked. */
export const RULES_CHECKS: Record<keyof RulesOptions, Check> = {
  mode: oneOf('blocklist', 'allowlist'),
  pollIntervalMs: wholeNumber(100),
  startTimeoutMs: wholeNumber(0),
  withoutRules: oneOf('open', 'closed'),
  follow: flag,
  endWebSockets: flag,
  blockCountries: (path, value) => void countrySet(path, value as string[]),
  allowCountries: (path, value) => void countrySet(path, value as string[]),
  limitedPerMinute: wholeNumber(1),
  automaticBlocks: (path, value) => checkObject(path, value, AUTOMATIC_BLOCKS_CHECKS),
  refusal: callable,
  onBlocked: callable,
};

type Derived = 'blockCountries' | 'allowCountries' | 'withoutRules' | 'automaticBlocks';

/** {@link RulesOptions} with every default filled in. */
export interface RulesSettings extends Omit<Filled<RulesOptions, typeof RULES_DEFAULTS>, Derived> {
  readonly isEnabled: boolean;
  readonly withoutRules: WithoutRules;
  readonly automaticBlocks: Filled<AutomaticBlockOptions, typeof AUTOMATIC_BLOCKS_DEFAULTS>;
  readonly blockCountries: ReadonlySet<string> | null;
  readonly allowCountries: ReadonlySet<string> | null;
}

export const RULES_SETTINGS = token<RulesSettings>('rules-settings');

/** Fills in the defaults of options that have passed {@link RULES_CHECKS}. */
export function rulesSettings(given: false | RulesOptions | undefined): RulesSettings {
  const { blockCountries, allowCountries, withoutRules, automaticBlocks, ...others } = filled(
    given || {},
    RULES_DEFAULTS,
  );
  return {
    ...others,
    isEnabled: given !== false,
    withoutRules: withoutRules ?? (others.mode === 'allowlist' ? 'closed' : 'open'),
    automaticBlocks: filled(automaticBlocks ?? {}, AUTOMATIC_BLOCKS_DEFAULTS),
    blockCountries: setOf('blockCountries', blockCountries),
    allowCountries: setOf('allowCountries', allowCountries),
  };
}

/** @throws IpTrackingError `IPT_INVALID_OPTION` where countries are to be told apart and nobody knows them. */
export function checkPlaces(rules: RulesSettings, geo: { readonly isEnabled: boolean }): void {
  if (geo.isEnabled || (rules.blockCountries ?? rules.allowCountries) === null) return;
  throw new IpTrackingError(
    'IPT_INVALID_OPTION',
    'geo is false, but rules.blockCountries and rules.allowCountries need places: leave geo out, or those.',
  );
}

function setOf(
  option: 'blockCountries' | 'allowCountries',
  list: readonly string[] | null,
): ReadonlySet<string> | null {
  return list === null ? null : countrySet(`rules.${option}`, list);
}
