import { describe, expect, it } from 'vitest';
import { ListedPaths } from '../../edge/listed-paths.js';
import type { Outcome } from '../record/outcome.js';
import { RecordSelection } from './record-selection.js';
import type { LogRecord } from '../record/request-record.js';

const record = (given: Partial<LogRecord> = {}): LogRecord =>
  ({ outcome: 'served', sensitive: false, ruleId: null, ...given }) as LogRecord;

const OUTCOMES: Outcome[] = [
  'served',
  'unmatched',
  'aborted',
  'failed',
  'refused',
  'blocked',
  'throttled',
];

describe('skipped paths', () => {
  const selection = new RecordSelection(new ListedPaths(['/health', '/assets/']), 1, () => 0);

  it.each([
    '/health',
    '/health/',
    '/health/live',
    '/HEALTH',
    '/he%61lth',
    '/assets/app-5fG3.js',
    '/assets/a%20b.png',
    '/assets/.well-known',
    '/assets/a..b',
  ])('are left out: %s', (path) => {
    expect(selection.keeps(record(), path)).toBe(false);
  });

  it.each([
    '/',
    '/healthy',
    '/assetsx/app.js',
    '/api/health',
    // The name of a message.
    'health',
    // What another router may read as another path.
    '/api/../health',
    '/api/%2e%2e/health',
    '/api/..%2fhealth',
    '/api/..%5chealth',
    '/api/..\\health',
    '/api/..;/health',
    '//health',
    '/./health',
    '/health/../login',
    '/health/%2e%2e/login',
    '/health/%252e%252e/login',
    '/health;x',
    '/health%3bx',
    '/health%00',
    '/health/..',
    '/health/.',
  ])('do not hide another: %s', (path) => {
    expect(selection.keeps(record(), path)).toBe(true);
  });

  it('are logged where something came of it', () => {
    const kept = OUTCOMES.filter((outcome) => selection.keeps(record({ outcome }), '/health'));
    expect(kept).toEqual(['failed', 'refused', 'blocked', 'throttled']);
    expect(selection.keeps(record({ sensitive: true }), '/health')).toBe(true);
    expect(selection.keeps(record({ ruleId: 7 }), '/health')).toBe(true);
  });
});

describe('a sample', () => {
  it.each([
    [0, 0],
    [0.25, 25],
    [1, 100],
  ])('of %d keeps %i of 100 served requests, evenly drawn', (rate, kept) => {
    let drawn = 0;
    const selection = new RecordSelection(new ListedPaths([]), rate, () => (drawn++ % 100) / 100);
    const found = Array.from({ length: 100 }, () => selection.keeps(record(), '/'));
    expect(found.filter(Boolean)).toHaveLength(kept);
  });

  it('is of served requests alone, and of none that detection or a rule looks at', () => {
    const selection = new RecordSelection(new ListedPaths([]), 0, () => 0);
    expect(OUTCOMES.filter((outcome) => !selection.keeps(record({ outcome }), '/'))).toEqual([
      'served',
    ]);
    expect(selection.keeps(record({ sensitive: true }), '/')).toBe(true);
    expect(selection.keeps(record({ ruleId: 7 }), '/')).toBe(true);
  });
});
