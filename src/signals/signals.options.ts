import { checkObject, invalid, type Check } from '../options/checks.js';
import {
  type AddedProbe,
  compileProbes,
  type ProbeList,
  type ProbeOptions,
} from './compile-probes.js';
import { hostName } from './host-name.js';
import type { ProbeGroup } from './probes/probe-entry.js';

/** What is looked for in each request, once it has ended. */
export interface SignalsOptions {
  /**
   * The hosts that are the app's own, such as `shop.example`, without a port. Whoever asks for another host's page by its
   * whole URL takes the app for an open proxy. @default the one that the request's `Host` names
   */
  hosts?: string[];
  /** Which paths and user agents count as probes. @default the whole list */
  probes?: ProbesOptions;
}

/** How a host changes the list of probes. */
export interface ProbesOptions {
  /** Groups that are switched off, by `false`: `secrets`, `wordpress`, `consoles`, `exploits`, `appliances`, `shells`, `scripts`, `tools`. @default all are on */
  groups?: Partial<Record<ProbeGroup, boolean>>;
  /** More entries; a text alone counts anywhere in a path, in the group `exploits`. @default none */
  add?: (string | AddedProbe)[];
  /** Texts of entries that are taken out, as the list has them. @default none */
  remove?: string[];
}

/** What each of {@link SignalsOptions} is where it is left out. */
export const SIGNALS_DEFAULTS = { hosts: [], probes: {} };

/** What each of {@link ProbesOptions} is where it is left out. */
export const PROBES_DEFAULTS = { groups: {}, add: [], remove: [] };

/** How each of {@link ProbesOptions} is checked, by itself; {@link checkProbes} knows the list. */
export const PROBES_CHECKS: Record<keyof ProbesOptions, Check> = {
  groups: () => undefined,
  add: () => undefined,
  remove: () => undefined,
};

/** `signals.probes` as a whole. */
export const checkProbes: Check = (path, value) => {
  checkObject(path, value, PROBES_CHECKS);
  const [problem] = compileProbes(value as ProbeOptions).problems;
  if (problem !== undefined) invalid(`${path}.${problem.option}`, problem.value, problem.wanted);
};

/** How each of {@link SignalsOptions} is checked. */
export const SIGNALS_CHECKS: Record<keyof SignalsOptions, Check> = {
  hosts: (path, value) => {
    if (!Array.isArray(value))
      invalid(path, value, "give a list of hosts, such as ['shop.example']");
    for (const [index, host] of (value as unknown[]).entries()) {
      if (typeof host !== 'string' || !/^[^\s/:?#@]+$/.test(host)) {
        invalid(
          `${path}[${index}]`,
          host,
          'give a host without scheme and port, such as "shop.example"',
        );
      }
    }
  },
  probes: checkProbes,
};

/** {@link SignalsOptions} with every default filled in. */
export interface SignalsSettings {
  readonly isEnabled: boolean;
  readonly probes: ProbeList;
  /** Null where the host has named none. */
  readonly isOwnHost: ((host: string) => boolean) | null;
}

/** Fills in the defaults of options that have passed {@link SIGNALS_CHECKS}. */
export function signalsSettings(given: false | SignalsOptions | undefined): SignalsSettings {
  const { hosts = SIGNALS_DEFAULTS.hosts, probes = SIGNALS_DEFAULTS.probes } = given || {};
  const own = new Set(hosts.map((host: string) => hostName(host)));
  return {
    isEnabled: given !== false,
    probes: compileProbes(probes).probes,
    isOwnHost: own.size === 0 ? null : (host) => own.has(host.replace(/:\d+$/, '')),
  };
}
