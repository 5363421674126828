import { describe, expect, it } from 'vitest';
import { IpTrackingError, type IpTrackingErrorCode } from '../index.js';
import { exitCodeOf, oneLine } from './cli-errors.js';

describe('exitCodeOf', () => {
  it.each<[IpTrackingErrorCode, number]>([
    ['IPT_INVALID_IP', 2],
    ['IPT_INVALID_PREFIX', 2],
    ['IPT_INVALID_DURATION', 2],
    ['IPT_INVALID_OPTION', 2],
    ['IPT_RULE_TOO_WIDE', 2],
    ['IPT_RULE_COVERS_CALLER', 2],
    ['IPT_RULE_COVERS_PROXY', 2],
    ['IPT_RULE_NOT_FOUND', 1],
    ['IPT_DATABASE_UNAVAILABLE', 1],
    ['IPT_SCHEMA_MISSING', 1],
  ])('of %s is %i', (code, expected) => {
    expect(exitCodeOf(new IpTrackingError(code, 'm'))).toBe(expected);
  });

  it.each([[new Error('m')], [{ code: 'IPT_INVALID_IP' }], ['m'], [null], [undefined]])(
    'of anything else is 1: %s',
    (thrown) => {
      expect(exitCodeOf(thrown)).toBe(1);
    },
  );
});

describe('oneLine', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('no such rule'), 'no such rule'],
    ['an error of several lines', new Error('a\nb'), 'a\\u{a}b'],
    ['an error that quotes an escape sequence', new Error('\u001b[2J'), '\\u{1b}[2J'],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['several errors', new AggregateError([new Error('a')]), 'AggregateError'],
    ['a text', 'no', 'no'],
    ['a number', 7, '7'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
  ])('tells %s', (_, thrown, expected) => {
    expect(oneLine(thrown)).toBe(expected);
  });
});
