import { describe, expect, it } from 'vitest';
import { compileProbes } from './compile-probes.js';
import { PROBE_LIST } from './probe-list.js';
import { PROBE_GROUPS } from './probes/probe-entry.js';
import { SIGNALS } from './signal.js';

const entries = PROBE_GROUPS.flatMap((group) =>
  PROBE_LIST[group].map((entry) => ({ ...entry, group })),
);

describe('the list of probes', () => {
  it('has a signal for each group', () => {
    for (const group of PROBE_GROUPS) expect(SIGNALS).toHaveProperty(`probe:${group}`);
    expect(Object.keys(PROBE_LIST)).toEqual([...PROBE_GROUPS]);
  });

  it('says of each entry why somebody wants it', () => {
    const silent = entries.filter(({ why }) => !/^\S.{8,}\S$/.test(why) || /[.!]$/.test(why));
    expect(silent.map(({ text }) => text)).toEqual([]);
  });

  it('has each entry once', () => {
    const places = entries.map(({ text, place }) => `${place} ${text}`);
    expect(places.filter((text, i) => places.indexOf(text) !== i)).toEqual([]);
  });

  it('has no entry that another one of its group covers', () => {
    const covered = entries.filter((entry) =>
      entries.some(
        (other) =>
          other !== entry &&
          other.group === entry.group &&
          other.place === 'anywhere' &&
          other.sparesAssets !== true &&
          entry.place === 'anywhere' &&
          isCovered(entry.text, other.text),
      ),
    );
    expect(covered.map(({ text }) => text)).toEqual([]);
  });

  it('is written as it is looked for', () => {
    const { problems } = compileProbes({
      add: entries.map(({ text, place, group, why }) => ({ text, place, group, why })),
    });
    expect(problems).toEqual([]);
    expect(entries.filter(({ text }) => text !== text.toLowerCase())).toEqual([]);
  });

  it.each(['suffix', 'agent'] as const)(
    'has entries of the place %s in groups of paths or agents',
    (place) => {
      const groups = new Set(
        entries.filter((entry) => entry.place === place).map(({ group }) => group),
      );
      expect(groups.has('tools')).toBe(place === 'agent');
    },
  );
});

/** Whether whoever asks for `text` asks for `other`, too. */
function isCovered(text: string, other: string): boolean {
  const wanted = other.split('/');
  const segments = text.split('/');
  return segments.some((_, at) =>
    wanted.every((segment, i) => {
      const own = segments[at + i];
      if (own === undefined) return false;
      return segment.endsWith('*') ? own.startsWith(segment.slice(0, -1)) : own === segment;
    }),
  );
}
