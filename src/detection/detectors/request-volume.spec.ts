import { describe, expect, it } from 'vitest';
import type { ClientTraffic } from '../detector.js';
import { requestVolumeDetector } from './request-volume.js';

const window = { from: new Date('2026-03-01T10:00:00Z'), to: new Date('2026-03-01T11:00:00Z') };
const traffic = (requests: number): ClientTraffic => ({
  ipAddress: '203.0.113.7',
  requests,
  sensitiveRequests: 0,
  sensitivePaths: [],
  firstSeen: new Date('2026-03-01T10:05:00Z'),
  lastSeen: new Date('2026-03-01T10:55:00Z'),
});

describe('requestVolumeDetector', () => {
  const detector = requestVolumeDetector(100);

  it.each([
    [0, false],
    [99, false],
    [100, false],
    [101, true],
    [1_000_000, true],
  ])('flags %i requests where 100 are allowed: %s', (requests, isFlagged) => {
    expect(detector.judge(traffic(requests), window) !== null).toBe(isFlagged);
  });

  it('says how many there were, and when', () => {
    expect(detector.judge(traffic(101), window)).toEqual({
      reason: '101 requests within an hour, more than 100',
      evidence: {
        requests: 101,
        limit: 100,
        firstSeen: new Date('2026-03-01T10:05:00Z'),
        lastSeen: new Date('2026-03-01T10:55:00Z'),
      },
    });
  });

  it('asks for nobody whom it would not flag, and misses nobody', () => {
    const { requestsOver, anySensitive } = detector.wants;
    expect({ requestsOver, anySensitive }).toEqual({ requestsOver: 100, anySensitive: undefined });
  });
});
