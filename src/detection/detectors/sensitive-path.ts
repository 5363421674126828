import type { Detector } from '../detector.js';

/** Flags a client that hit a sensitive path: one that is listed, or a route that is `@Sensitive()`. */
export function sensitivePathDetector(): Detector {
  return {
    name: 'sensitive-path',
    wants: { anySensitive: true },
    judge({ sensitiveRequests, sensitivePaths, firstSeen, lastSeen }) {
      if (sensitiveRequests === 0) return null;
      const [first, ...others] = sensitivePaths;
      const paths =
        first === undefined
          ? ''
          : `: ${first.path}${others.length > 0 ? ` and ${others.length} more` : ''}`;
      return {
        reason: `${sensitiveRequests} ${sensitiveRequests === 1 ? 'request' : 'requests'} to sensitive paths${paths}`,
        evidence: { requests: sensitiveRequests, paths: sensitivePaths, firstSeen, lastSeen },
      };
    },
  };
}
