import type { Detector } from '../detector.js';

/** Flags a client with more than `limit` requests in a window. */
export function requestVolumeDetector(limit: number): Detector {
  return {
    name: 'request-volume',
    wants: { requestsOver: limit },
    judge({ requests, firstSeen, lastSeen }) {
      if (requests <= limit) return null;
      return {
        reason: `${requests} requests within an hour, more than ${limit}`,
        evidence: { requests, limit, firstSeen, lastSeen },
      };
    },
  };
}
