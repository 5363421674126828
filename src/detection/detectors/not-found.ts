import type { Detector, DetectorRule } from '../detector.js';
import { countOf, firstOf, windowInWords } from './words.js';

const HOUR_MS = 3_600_000;
/**
 * Whoever tries names does not wait between them; crawlers do, and those of a site that has moved ask for one page after
 * the other that is gone.
 */
const HASTE_MS = 600_000;

const MISSED: Omit<DetectorRule, 'atLeast' | 'windowMs'> = {
  // Links of one's own that lead nowhere, icons, and what pages ask for are nobody's scan.
  counts: { any: ['unmatched'], none: ['own-referer', 'routine', 'page-fetch'] },
  distinct: 'path',
  unlessMissedBy: 3,
};

/** Flags a client that asked for many different paths which no route has. */
export function notFoundDetector(): Detector {
  const rules: DetectorRule[] = [
    { ...MISSED, atLeast: 10, windowMs: HOUR_MS, response: 'flag' },
    { ...MISSED, atLeast: 20, windowMs: HASTE_MS, weight: 40 },
  ];
  return {
    name: 'not-found',
    of: 'client',
    weight: 20,
    response: 'ban',
    rules,
    words: ({ rule, count, paths }) => ({
      reason: `${countOf(count, 'different path')} within ${windowInWords(rules[rule]!.windowMs)} that no route has${firstOf(paths)}`,
    }),
  };
}
