/** The groups of probes, each with a signal of its own: `probe:<group>`. */
export const PROBE_GROUPS = [
  'secrets',
  'wordpress',
  'consoles',
  'exploits',
  'appliances',
  'shells',
  'scripts',
  'tools',
] as const;

/** A group of probes. */
export type ProbeGroup = (typeof PROBE_GROUPS)[number];

/**
 * Where an entry counts:
 *
 * - `anywhere`: any run of whole segments of the path, since scanners ask for `/app/.env` and `/blog/wp-admin` as well.
 * - `first`: at the start of the path, and only where nothing has answered: a word that elsewhere is content
 *   (`/blog/tags/owa`).
 * - `missing`: as `anywhere`, but only where nothing has answered: there are apps that have it.
 * - `suffix`: the end of any segment, only where nothing has answered.
 * - `agent`: any part of the user agent.
 * - `spared`: as `anywhere`, but it speaks for the request: programs of people who are innocent ask for it, so that no
 *   other entry of its group counts there, nor the ending of a script.
 */
export type ProbePlace = 'anywhere' | 'first' | 'missing' | 'suffix' | 'agent' | 'spared';

/** One thing that attackers ask for. */
export interface ProbeEntry {
  /**
   * Segments in lower case, joined by slashes, without one at either end; a `*` ends a segment whose beginning is
   * enough. A suffix with its dot. A part of a user agent.
   */
  readonly text: string;
  readonly place: ProbePlace;
  /** Why an attacker wants it, or why one who asks is none; for people. */
  readonly why: string;
  /**
   * Styles, scripts, images and fonts below it do not count: copies of old pages, and crawlers that draw them, go on
   * asking for those.
   */
  readonly sparesAssets?: boolean;
}

/** An entry that counts in any run of segments. */
export function anywhere(text: string, why: string): ProbeEntry {
  return { text, place: 'anywhere', why };
}

/** An entry that counts in any run of segments, but not for the assets below it. */
export function anywhereButAssets(text: string, why: string): ProbeEntry {
  return { text, place: 'anywhere', why, sparesAssets: true };
}

/** An entry that counts at the start of a path that nothing has answered. */
export function first(text: string, why: string): ProbeEntry {
  return { text, place: 'first', why };
}

/** An entry that counts in any run of segments of a path that nothing has answered. */
export function missing(text: string, why: string): ProbeEntry {
  return { text, place: 'missing', why };
}

/** An ending that counts in a path that nothing has answered. */
export function suffix(text: string, why: string): ProbeEntry {
  return { text, place: 'suffix', why };
}

/** A part of a user agent. */
export function agent(text: string, why: string): ProbeEntry {
  return { text, place: 'agent', why };
}

/** An entry for which a request is spared. */
export function spared(text: string, why: string): ProbeEntry {
  return { text, place: 'spared', why };
}
