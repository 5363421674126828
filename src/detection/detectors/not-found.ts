import type { Detector } from '../detector.js';
import { countOf, firstOf } from './words.js';

/** Flags a client that asked for many different paths which no route has. */
export function notFoundDetector(): Detector {
  return {
    name: 'not-found',
    of: 'client',
    weight: 20,
    response: 'ban',
    rules: [
      {
        // Links of one's own that lead nowhere, icons, and what pages ask for are nobody's scan.
        counts: { any: ['unmatched'], none: ['own-referer', 'routine', 'page-fetch'] },
        atLeast: 10,
        // Ten dead links may be somebody's old list of bookmarks.
        flagsBelow: 20,
        distinct: 'path',
        windowMs: 3_600_000,
        unlessMissedBy: 3,
      },
    ],
    words: ({ count, paths }) => ({
      reason: `${countOf(count, 'different path')} within an hour that no route has${firstOf(paths)}`,
    }),
  };
}
