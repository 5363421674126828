import type { Detector } from '../detector.js';
import { countOf } from './words.js';

/** Flags a client that takes the app for a proxy to other hosts. */
export function openProxyDetector(): Detector {
  return {
    name: 'open-proxy',
    of: 'client',
    weight: 40,
    response: 'ban',
    rules: [{ counts: { any: ['open-proxy'] }, atLeast: 1, windowMs: 3_600_000 }],
    words: ({ count }) => ({
      reason: `${countOf(count, 'request')} to speak to another host on the client's behalf`,
    }),
  };
}
