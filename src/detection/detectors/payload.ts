import type { Detector } from '../detector.js';
import { countOf, firstOf, kindsOf } from './words.js';

const HOUR_MS = 3_600_000;

/** Flags a client that sent what would break into a careless app, whatever the answer was. */
export function payloadDetector(): Detector {
  return {
    name: 'payload',
    of: 'client',
    weight: 40,
    response: 'ban',
    rules: [
      // Nobody types these by mistake.
      {
        counts: {
          any: ['payload:traversal', 'payload:jndi', 'payload:shell', 'payload:template'],
          none: ['page-fetch'],
        },
        atLeast: 1,
        windowMs: HOUR_MS,
      },
      {
        counts: {
          any: ['payload:prototype', 'payload:ssrf', 'payload:crlf'],
          none: ['page-fetch'],
        },
        atLeast: 2,
        windowMs: HOUR_MS,
      },
      // A search for a name with an apostrophe, a post about HTML: people may send one.
      {
        counts: { any: ['payload:sql', 'payload:xss'], none: ['page-fetch'] },
        atLeast: 3,
        windowMs: HOUR_MS,
      },
      // Whoever says that a page made it ask is believed a few times.
      {
        counts: {
          any: [
            'payload:traversal',
            'payload:jndi',
            'payload:shell',
            'payload:template',
            'payload:prototype',
            'payload:ssrf',
            'payload:crlf',
            'payload:sql',
            'payload:xss',
          ],
        },
        atLeast: 5,
        windowMs: HOUR_MS,
        weight: 20,
      },
    ],
    words: ({ count, signals, paths }) => ({
      reason: `${countOf(count, 'request')} with a payload (${kindsOf(signals, 'payload')})${firstOf(paths)}`,
    }),
  };
}
