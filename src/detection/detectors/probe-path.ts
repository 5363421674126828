import type { Detector } from '../detector.js';
import { countOf, firstOf, kindsOf } from './words.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Whoever asks for it knows that no page leads there. Scripts of other stacks are another matter: old links do. */
const PROBES = [
  'probe:secrets',
  'probe:wordpress',
  'probe:consoles',
  'probe:exploits',
  'probe:appliances',
  'probe:shells',
  'probe:tools',
] as const;

/** Flags a client that asked for what only attackers look for: one listed path is enough. */
export function probePathDetector(): Detector {
  return {
    name: 'probe-path',
    of: 'client',
    weight: 40,
    response: 'ban',
    rules: [
      { counts: { any: PROBES, none: ['page-fetch'] }, atLeast: 1, windowMs: HOUR_MS },
      // A site that was another one before still gets visitors by its old links: a hint, and no more.
      {
        counts: { any: ['probe:scripts'], none: ['page-fetch', 'own-referer'] },
        atLeast: 1,
        windowMs: HOUR_MS,
        weight: 10,
        response: 'flag',
      },
      // Whoever tries a list of names does not wait between them, as crawlers do that follow old links.
      {
        counts: { any: ['probe:scripts'], none: ['page-fetch', 'own-referer'] },
        atLeast: 10,
        distinct: 'path',
        windowMs: MINUTE_MS,
        weight: 20,
      },
      // Any page can have its reader's browser ask for one of these, and any program can say that a page did.
      { counts: { any: PROBES }, atLeast: 3, distinct: 'path', windowMs: HOUR_MS, weight: 20 },
    ],
    words: ({ rule, count, signals, paths }) => {
      const what = kindsOf(signals, 'probe');
      const how = rule >= 2 ? countOf(count, 'probed path') : countOf(count, 'request', 'requests');
      const reason = `${how} for what attackers look for (${what})${firstOf(paths)}`;
      // Nothing that is found is worse: what was asked for went out.
      return signals.includes('secret-served')
        ? { reason: `${reason}; a secret was answered, and no page: look at once`, weight: 100 }
        : { reason };
    },
  };
}
