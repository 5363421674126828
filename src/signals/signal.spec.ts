import { describe, expect, it } from 'vitest';
import {
  bitsOf,
  CONTEXT,
  EVIDENCE,
  isSignalName,
  namesOf,
  PAYLOADS,
  PROBES,
  SIGNAL_NAMES,
  type SignalName,
  SIGNALS,
} from './signal.js';

describe('signals', () => {
  it('keep their bits for ever', () => {
    expect(SIGNALS, 'rows that are stored hold these bits: add at the end, change none').toEqual({
      'probe:secrets': 0,
      'probe:wordpress': 1,
      'probe:consoles': 2,
      'probe:exploits': 3,
      'probe:appliances': 4,
      'probe:shells': 5,
      'probe:scripts': 6,
      'probe:tools': 7,
      'payload:traversal': 8,
      'payload:sql': 9,
      'payload:template': 10,
      'payload:jndi': 11,
      'payload:shell': 12,
      'payload:xss': 13,
      'payload:crlf': 14,
      'payload:prototype': 15,
      'payload:ssrf': 16,
      unmatched: 17,
      'auth-failure': 18,
      'auth-success': 19,
      login: 20,
      asset: 21,
      'page-fetch': 22,
      'own-referer': 23,
      'open-proxy': 24,
      malformed: 25,
      answered: 26,
      'secret-served': 27,
      routine: 28,
      'image-like': 29,
    });
  });

  it('fit the integers that bits are joined in, one each', () => {
    const bits = Object.values(SIGNALS);
    expect(new Set(bits).size).toBe(bits.length);
    expect(Math.min(...bits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...bits)).toBeLessThanOrEqual(30);
  });

  it('are evidence or context, never both', () => {
    expect(EVIDENCE & CONTEXT).toBe(0);
    expect(EVIDENCE | CONTEXT).toBe(bitsOf(SIGNAL_NAMES));
    expect(namesOf(EVIDENCE & ~PROBES & ~PAYLOADS)).toEqual([
      'unmatched',
      'auth-failure',
      'open-proxy',
      'malformed',
    ]);
    expect(EVIDENCE & PROBES).toBe(PROBES);
    expect(EVIDENCE & PAYLOADS).toBe(PAYLOADS);
  });

  it('have a bit for every group of probes, and for nothing else of that name', () => {
    expect(namesOf(PROBES)).toEqual(SIGNAL_NAMES.filter((name) => name.startsWith('probe:')));
    expect(namesOf(PAYLOADS)).toEqual(SIGNAL_NAMES.filter((name) => name.startsWith('payload:')));
  });
});

describe('bits and names', () => {
  it.each<SignalName[]>([
    [],
    ['probe:secrets'],
    ['payload:sql', 'unmatched', 'routine'],
    [...SIGNAL_NAMES],
  ])('lead back to each other: %s', (...names) => {
    expect(namesOf(bitsOf(names))).toEqual(names);
  });

  it('has no name for a bit of a later version', () => {
    expect(namesOf((1 << 30) | bitsOf(['login']))).toEqual(['login']);
  });

  it.each(['', 'login ', 'probe:', 'toString', '__proto__', null, undefined, 20, [['login']]])(
    'takes %j for no name',
    (text) => {
      expect(isSignalName(text)).toBe(false);
      expect(() => bitsOf([text as SignalName])).toThrow(RangeError);
    },
  );
});
