import { AgentFilter } from './agent-filter.js';
import { fold } from './marks.js';
import type { PathSegments } from './path-segments.js';
import type { ProbeEntry, ProbeGroup } from './probes/probe-entry.js';

/** An entry of a compiled list. */
export interface ListedProbe extends ProbeEntry {
  readonly group: ProbeGroup;
}

/** A listed probe as it is looked for. */
interface Compiled {
  readonly probe: ListedProbe;
  readonly segments: readonly string[];
}

const NONE: readonly ListedProbe[] = [];

/** How much of a wildcard's segment is written out at least: less would match half of all words. */
export const MIN_WILDCARD = 4;

/** Finds the entries that a path's segments meet: one lookup for each segment, whatever the length of the list. */
export class ProbeIndex {
  /** Entries by their first segment: those of one, and those whose second ends in a wildcard. */
  private readonly heads = new Map<string, Compiled[]>();
  /** Other entries of several segments by their first, and then by their second: many begin alike. */
  private readonly pairs = new Map<string, Map<string, Compiled[]>>();
  /** Entries whose first segment ends in a wildcard, by its first {@link MIN_WILDCARD} characters. */
  private readonly wildcards = new Map<string, Compiled[]>();
  private readonly suffixes = new Map<string, ListedProbe[]>();
  private readonly agents: ListedProbe[] = [];
  private readonly agentFilter: AgentFilter;

  constructor(readonly entries: readonly ListedProbe[]) {
    for (const probe of entries) {
      if (probe.place === 'agent') {
        this.agents.push(probe);
        continue;
      }
      if (probe.place === 'suffix') {
        put(this.suffixes, probe.text, probe);
        continue;
      }
      const segments = probe.text.split('/');
      const [head = '', second] = segments;
      const compiled = { probe, segments };
      if (head.endsWith('*')) {
        put(this.wildcards, head.slice(0, MIN_WILDCARD), compiled);
      } else if (second === undefined || second.endsWith('*')) {
        put(this.heads, head, compiled);
      } else {
        const bySecond = this.pairs.get(head) ?? new Map<string, Compiled[]>();
        this.pairs.set(head, bySecond);
        put(bySecond, second, compiled);
      }
    }
    this.agentFilter = new AgentFilter(this.agents.map(({ text }) => text));
  }

  /** All entries that a path meets, each once. */
  find({ written, resolved }: PathSegments): Set<ListedProbe> {
    const found = new Set<ListedProbe>();
    this.findIn(written, found);
    if (resolved !== written) this.findIn(resolved, found);
    return found;
  }

  /** The entries that are a part of a user agent. */
  findAgents(agent: string): readonly ListedProbe[] {
    if (!this.agentFilter.mayMeet(agent)) return NONE;
    const folded = fold(agent);
    return this.agents.filter(({ text }) => folded.includes(text));
  }

  private findIn(segments: readonly string[], found: Set<ListedProbe>): void {
    for (let at = 0; at < segments.length; at++) {
      const segment = segments[at]!;
      this.addRuns(this.heads.get(segment), segments, at, found);
      const second = segments[at + 1] ?? '';
      this.addRuns(this.pairs.get(segment)?.get(second), segments, at, found);
      this.addRuns(this.wildcards.get(segment.slice(0, MIN_WILDCARD)), segments, at, found);
      const dot = segment.lastIndexOf('.');
      if (dot < 0) continue;
      for (const probe of this.suffixes.get(segment.slice(dot)) ?? []) found.add(probe);
    }
  }

  private addRuns(
    candidates: readonly Compiled[] | undefined,
    segments: readonly string[],
    at: number,
    found: Set<ListedProbe>,
  ): void {
    if (candidates === undefined) return;
    for (const { probe, segments: wanted } of candidates) {
      if (at > 0 && probe.place === 'first') continue;
      if (isRun(wanted, segments, at)) found.add(probe);
    }
  }
}

/** Whether `segments` go on as `wanted` from `at`. */
function isRun(wanted: readonly string[], segments: readonly string[], at: number): boolean {
  return wanted.every((text, i) => {
    const segment = segments[at + i];
    return segment !== undefined && isSegment(text, segment);
  });
}

/** Whether a segment is the one of an entry, or begins like one that ends in a wildcard. */
export function isSegment(text: string, segment: string): boolean {
  return text.endsWith('*') ? segment.startsWith(text.slice(0, -1)) : segment === text;
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
