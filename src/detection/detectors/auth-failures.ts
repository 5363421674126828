import type { Detector } from '../detector.js';
import { countOf } from './words.js';

const HOUR_MS = 3_600_000;
/** Who has mistyped, or forgotten, knows it within this time. */
const PATIENCE_MS = 900_000;

/** Flags a client whose credentials were refused many times. */
export function authFailuresDetector(): Detector {
  return {
    name: 'auth-failures',
    of: 'client',
    weight: 20,
    response: 'ban',
    rules: [
      { counts: { any: ['auth-failure'] }, atLeast: 10, windowMs: HOUR_MS, response: 'flag' },
      // A success of somebody else from there, or of an account of one's own, takes nothing back.
      {
        counts: { any: ['auth-failure'] },
        atLeast: 20,
        windowMs: HOUR_MS,
        without: { any: ['auth-success'], of: 'user', withinMs: PATIENCE_MS },
        weight: 40,
      },
    ],
    words: ({ rule, count }) => ({
      reason: `${countOf(count, 'failed attempt')} to sign in within an hour${
        rule === 1 ? ', for users who did not then succeed' : ''
      }`,
    }),
  };
}
