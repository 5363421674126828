import { describe, expect, it } from 'vitest';
import type { ClientTraffic } from '../detector.js';
import { sensitivePathDetector } from './sensitive-path.js';

const window = { from: new Date('2026-03-01T10:00:00Z'), to: new Date('2026-03-01T11:00:00Z') };
const traffic = (sensitiveRequests: number, ...paths: string[]): ClientTraffic => ({
  ipAddress: '2001:db8::/64',
  requests: 500,
  sensitiveRequests,
  sensitivePaths: paths.map((path) => ({ path, requests: 1 })),
  firstSeen: new Date('2026-03-01T10:05:00Z'),
  lastSeen: new Date('2026-03-01T10:55:00Z'),
});

describe('sensitivePathDetector', () => {
  const detector = sensitivePathDetector();

  it('says nothing about a client without sensitive requests, however many they made', () => {
    expect(detector.judge(traffic(0), window)).toBeNull();
  });

  it.each([
    [traffic(1, '/admin'), '1 request to sensitive paths: /admin'],
    [traffic(3, '/admin'), '3 requests to sensitive paths: /admin'],
    [traffic(3, '/admin', '/login'), '3 requests to sensitive paths: /admin and 1 more'],
    [traffic(9, '/a', '/b', '/c'), '9 requests to sensitive paths: /a and 2 more'],
    [traffic(2), '2 requests to sensitive paths'],
  ])('says how often and what for: %#', (given, reason) => {
    expect(detector.judge(given, window)?.reason).toBe(reason);
  });

  it('keeps the paths as evidence', () => {
    expect(detector.judge(traffic(2, '/admin', '/login'), window)?.evidence).toEqual({
      requests: 2,
      paths: [
        { path: '/admin', requests: 1 },
        { path: '/login', requests: 1 },
      ],
      firstSeen: new Date('2026-03-01T10:05:00Z'),
      lastSeen: new Date('2026-03-01T10:55:00Z'),
    });
  });

  it('asks for clients with sensitive requests alone', () => {
    expect(detector.wants).toEqual({ anySensitive: true });
  });
});
