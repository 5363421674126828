import { expect, it } from 'vitest';
import type { Finding } from '../detection/finding.js';
import { SubjectScores } from './subject-scores.js';

const NOW = Date.UTC(2026, 0, 31);
const DAY_MS = 86_400_000;

function finding(detector: string, weight: number, subject = '203.0.113.7'): Finding {
  const seen = new Date(NOW);
  const reason = 'something';
  return {
    subjectKind: 'client',
    subject,
    detector,
    reason,
    evidence: {},
    weight,
    firstSeen: seen,
    lastSeen: seen,
  };
}

it('a score has the whole weight of what is of now, be it some milliseconds ago', () => {
  const scores = new SubjectScores();
  scores.note(finding('probe-path', 40));
  expect(scores.of('203.0.113.7', NOW + 250)).toBe(40);
  scores.note(finding('payload', 20));
  expect(scores.of('203.0.113.7', NOW + 250)).toBe(60);
  expect(scores.of('203.0.113.7', NOW + 15 * DAY_MS)).toBe(30);
  expect(scores.of('203.0.113.7', NOW + 30 * DAY_MS)).toBe(0);
  expect(scores.of('203.0.113.8', NOW)).toBe(0);
});

it('a score counts each detector once, by the weightier finding', () => {
  const scores = new SubjectScores();
  scores.note(finding('probe-path', 40));
  scores.note(finding('probe-path', 10));
  expect(scores.of('203.0.113.7', NOW)).toBe(40);
  scores.forget('203.0.113.7');
  expect(scores.of('203.0.113.7', NOW)).toBe(0);
});
