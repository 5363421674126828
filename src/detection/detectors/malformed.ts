import type { Detector } from '../detector.js';
import { countOf } from './words.js';

/** Flags a client that keeps sending what no HTTP client sends. */
export function malformedDetector(): Detector {
  return {
    name: 'malformed',
    of: 'client',
    weight: 10,
    response: 'flag',
    rules: [{ counts: { any: ['malformed'] }, atLeast: 5, windowMs: 3_600_000 }],
    words: ({ count }) => ({
      reason: `${countOf(count, 'request')} within an hour that no HTTP client sends`,
    }),
  };
}
