import { didYouMean } from '../options/did-you-mean.js';
import { fold } from './marks.js';
import { ownEntries, type OwnEntry } from './own-path.js';
import { type ListedProbe, MIN_WILDCARD, ProbeIndex } from './probe-index.js';
import { PROBE_LIST } from './probe-list.js';
import { PROBE_GROUPS, type ProbeGroup, type ProbePlace } from './probes/probe-entry.js';
import { isRoutine } from './routine.js';
import { SegmentFilter } from './segment-filter.js';

/** An entry that a host adds. */
export interface AddedProbe {
  /**
   * Segments joined by slashes, such as `old-admin` or `shop/admin.php`; a `*` at the end of one is a wildcard, behind at
   * least four characters. A suffix with its dot; a part of a user agent. Upper and lower case are the same.
   */
  text: string;
  /** Whose signal it sets. @default 'exploits' */
  group?: ProbeGroup;
  /** Where it counts. @default 'anywhere' */
  place?: ProbePlace;
  /** Why an attacker wants it, for whoever reads a finding. */
  why?: string;
}

/** How a host changes the list of probes. */
export interface ProbeOptions {
  /** Groups that are switched off, by `false`. All are on. */
  groups?: Partial<Record<ProbeGroup, boolean>>;
  /** More entries; a text alone counts anywhere, in the group `exploits`. */
  add?: readonly (string | AddedProbe)[];
  /** Texts of entries that are taken out, as the list has them. */
  remove?: readonly string[];
}

/** What is wrong with an option, for whoever wrote it. */
export interface ProbeProblem {
  /** The option within these: `groups.wordpres`, `add[2]`, `remove[0]`. */
  readonly option: string;
  readonly value: unknown;
  /** What to give instead. */
  readonly wanted: string;
}

/** The probes of a host, ready to be looked for. */
export class ProbeList {
  readonly entries: readonly ListedProbe[];
  /** @internal */
  readonly index: ProbeIndex;
  /** @internal */
  readonly filter: SegmentFilter;

  constructor(entries: readonly ListedProbe[]) {
    this.entries = entries;
    this.index = new ProbeIndex(entries);
    this.filter = new SegmentFilter(entries);
  }

  /** Which entries an app's own routes name, to be said at boot: those are its own, and no probes, secrets apart. */
  ownEntries(routePatterns: readonly string[]): OwnEntry[] {
    return ownEntries(this.entries, routePatterns);
  }
}

/** Makes a list of probes as a host wants it. Where there are problems, what is sound of the options holds. */
export function compileProbes(options: ProbeOptions = {}): {
  probes: ProbeList;
  problems: ProbeProblem[];
} {
  const problems: ProbeProblem[] = [];
  const switched = checkedGroups(options.groups, problems);
  const listed = PROBE_GROUPS.flatMap((group) =>
    PROBE_LIST[group].map((entry): ListedProbe => ({ ...entry, group })),
  );
  const texts = new Set(listed.map(({ text }) => text));
  const removed = new Set<string>();
  for (const [option, value] of listOf('remove', options.remove, problems)) {
    const text = typeof value === 'string' ? normalized(value) : '';
    if (texts.has(text)) removed.add(text);
    else problems.push({ option, value, wanted: meant(text, [...texts]) });
  }
  const added: ListedProbe[] = [];
  for (const [option, value] of listOf('add', options.add, problems)) {
    const probe = addedProbe(value);
    const wanted = typeof probe === 'string' ? probe : faultOf(probe);
    if (wanted !== null) problems.push({ option, value, wanted });
    else if (typeof probe !== 'string') added.push(probe);
  }
  const entries = [...listed.filter(({ text }) => !removed.has(text)), ...added].filter(
    ({ group }) => switched[group] !== false,
  );
  return { probes: new ProbeList(entries), problems };
}

function checkedGroups(
  groups: unknown,
  problems: ProbeProblem[],
): Partial<Record<ProbeGroup, boolean>> {
  if (groups === undefined) return {};
  if (typeof groups !== 'object' || groups === null) {
    problems.push({ option: 'groups', value: groups, wanted: 'give an object' });
    return {};
  }
  for (const [name, value] of Object.entries(groups)) {
    const option = `groups.${name}`;
    if (!PROBE_GROUPS.some((group) => group === name)) {
      problems.push({ option, value, wanted: meant(name, PROBE_GROUPS) });
    } else if (typeof value !== 'boolean') {
      problems.push({ option, value, wanted: 'give true or false' });
    }
  }
  return groups;
}

/** The values of a list, each with the option that it is. */
function listOf(name: string, list: unknown, problems: ProbeProblem[]): [string, unknown][] {
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    problems.push({ option: name, value: list, wanted: 'give a list' });
    return [];
  }
  return list.map((value: unknown, i) => [`${name}[${i}]`, value]);
}

/** What a host adds, or what is wrong with its shape. */
function addedProbe(value: unknown): ListedProbe | string {
  if (typeof value === 'string') return addedProbe({ text: value });
  if (typeof value !== 'object' || value === null) return 'give a text, or an object with one';
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return meant(unknown, KEYS);
  const {
    text,
    group = 'exploits',
    place = 'anywhere',
    why = 'added by the host',
  } = value as AddedProbe;
  if (typeof text !== 'string') return 'give it a text';
  return { text: place === 'agent' ? fold(text) : normalized(text), group, place, why };
}

const KEYS: readonly string[] = ['text', 'group', 'place', 'why'] satisfies (keyof AddedProbe)[];

/** Lower case, without slashes at either end. */
function normalized(text: string): string {
  return fold(text).replace(/^\/|\/$/g, '');
}

/** What to give instead of an entry that cannot be looked for; null for one that can. */
function faultOf({ text, group, place }: ListedProbe): string | null {
  if (!PROBE_GROUPS.includes(group)) return meant(String(group), PROBE_GROUPS);
  if (!PLACES.includes(place)) return meant(String(place), PLACES);
  if (place === 'agent') return text.length >= 4 ? null : 'give four characters or more';
  if (/[%?#\\;\t\r\n]|^ | $/.test(text)) return 'give a path that is decoded, without a query';
  if (place === 'suffix') {
    return /^\.[^./*]+$/.test(text) ? null : 'give a suffix with one dot, such as ".php"';
  }
  for (const segment of text.split('/')) {
    const fault = faultOfSegment(segment);
    if (fault !== null) return fault;
  }
  if (isRoutine(`/${text}`, '')) return 'give another: every browser or crawler asks for this one';
  return null;
}

function faultOfSegment(segment: string): string | null {
  if (segment === '' || segment === '.' || segment === '..') return 'give segments between slashes';
  const star = segment.indexOf('*');
  if (star < 0) return null;
  if (star < segment.length - 1) return 'put the * at the end of a segment';
  return star < MIN_WILDCARD ? `put ${MIN_WILDCARD} characters or more before the *` : null;
}

const PLACES: readonly ProbePlace[] = ['anywhere', 'first', 'missing', 'suffix', 'agent', 'spared'];

function meant(word: string, candidates: readonly string[]): string {
  const near = didYouMean(word, candidates);
  if (near !== undefined) return `did you mean "${near}"?`;
  return candidates.length > 10
    ? 'give the text of an entry as the list has it'
    : `give one of ${candidates.join(', ')}`;
}
