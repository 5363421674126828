import { describe, expect, it } from 'vitest';
import { moment, table } from './table.js';

describe('table', () => {
  it('is as wide as its widest cells, without blanks at the ends of lines', () => {
    const rows = [
      ['1', '203.0.113.7', 'scanner'],
      ['12', '2001:db8::/32', ''],
    ];
    expect(table(['id', 'network', 'reason'], rows).split('\n')).toEqual([
      'id  network        reason',
      '1   203.0.113.7    scanner',
      '12  2001:db8::/32',
    ]);
  });

  it('has its heading without rows', () => {
    expect(table(['id', 'network'], [])).toBe('id  network');
  });

  it('keeps a hostile cell on its line, and in its column', () => {
    const lines = table(
      ['path', 'n'],
      [
        ['/a\n/b\u001b[2J', '1'],
        ['/x', '2'],
      ],
    ).split('\n');
    expect(lines).toEqual([
      'path                n',
      '/a\\u{a}/b\\u{1b}[2J  1',
      '/x                  2',
    ]);
  });

  it('counts a character of two UTF-16 units once', () => {
    expect(
      table(
        ['a', 'b'],
        [
          ['🙂🙂', 'x'],
          ['abc', 'y'],
        ],
      ),
    ).toBe('a    b\n🙂🙂   x\nabc  y');
  });
});

describe('moment', () => {
  it.each([
    [new Date('2026-03-01T09:05:07.999Z'), '2026-03-01 09:05:07Z'],
    [new Date('2026-03-01T00:30:00+02:00'), '2026-02-28 22:30:00Z'],
    [null, 'never'],
  ])('reads %s as %s', (date, expected) => {
    expect(moment(date)).toBe(expected);
  });
});
