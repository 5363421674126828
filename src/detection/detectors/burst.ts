import type { Detector } from '../detector.js';
import { countOf } from './words.js';

/** Flags a client whose requests come faster than any person, page or patient program sends them. */
export function burstDetector(): Detector {
  return {
    name: 'burst',
    of: 'client',
    weight: 20,
    response: 'ban',
    rules: [{ counts: { none: ['asset'] }, atLeast: 60, windowMs: 10_000 }],
    words: ({ count }) => ({
      reason: `${countOf(count, 'request')} within 10 seconds, what pages are drawn with left out`,
    }),
  };
}
