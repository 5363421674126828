import { describe, expect, it } from 'vitest';
import { UndecidedRequests } from './undecided.js';

const WITHIN_US = 1_000;

function waiting(of: 'user' | 'subject', draw = () => 0.5) {
  const requests = new UndecidedRequests<string>(WITHIN_US, of, draw);
  const decided = (nowUs: number): string[] => {
    const names: string[] = [];
    requests.decide(nowUs, ({ what }) => names.push(what));
    return names;
  };
  return { requests, decided };
}

describe('requests that wait', () => {
  it('count when their time is over, in the order in which they came', () => {
    const { requests, decided } = waiting('user');
    requests.add('a', 'ada', 0, 'first');
    requests.add('a', null, 10, 'second');
    expect(decided(1_000)).toEqual([]);
    expect(decided(1_001)).toEqual(['first']);
    expect(decided(5_000)).toEqual(['second']);
  });

  it('are taken back by the success of the same user, and by nobody else’s', () => {
    const { requests, decided } = waiting('user');
    requests.add('a', 'ada', 0, 'ada');
    requests.add('a', 'bob', 0, 'bob');
    requests.add('a', null, 0, 'nobody');
    requests.add('b', 'ada', 0, 'elsewhere');
    requests.takeBack('a', 'ada', 500);
    requests.takeBack('a', null, 500);
    expect(decided(9_999)).toEqual(['bob', 'nobody', 'elsewhere']);
  });

  it('are taken back by what comes before and after, where anybody may', () => {
    const { requests, decided } = waiting('subject');
    requests.takeBack('a', null, 0);
    requests.add('a', null, 900, 'after it');
    requests.add('a', null, 1_500, 'long after it');
    requests.takeBack('a', null, 2_000);
    requests.add('a', null, 9_000, 'by itself');
    expect(decided(99_999)).toEqual(['by itself']);
  });

  it('of one who floods leave room for others, and are no more than so many', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 100_000; n += 1) requests.add('flood', `user${n}`, 0, 'flood');
    requests.add('slow', 'ada', 1, 'slow');
    expect(requests.size).toBeLessThanOrEqual(20_000);
    const found = decided(99_999);
    expect(found).toContain('slow');
    expect(found.filter((name) => name === 'flood')).toHaveLength(64);
  });

  it('are taken back by a success that comes when their time ends, and by none before them', () => {
    const { requests, decided } = waiting('user');
    requests.add('a', 'ada', 100, 'ada');
    requests.takeBack('a', 'ada', 100);
    requests.takeBack('a', 'ada', 1_101);
    expect(decided(1_101)).toEqual(['ada']);
    requests.add('a', 'ada', 2_000, 'again');
    requests.takeBack('a', 'ada', 3_000);
    expect(decided(9_999)).toEqual([]);
  });

  it('are taken back up to the end of their time on both sides, where anybody may', () => {
    const { requests, decided } = waiting('subject');
    requests.takeBack('a', null, 0);
    requests.add('a', null, 1_000, 'at the end of it');
    requests.add('a', null, 1_001, 'after it');
    requests.add('b', null, 1_001, 'of another');
    expect(decided(9_999)).toEqual(['after it', 'of another']);
    requests.add('a', null, 10_000, 'before it');
    requests.takeBack('a', null, 11_000);
    requests.add('b', null, 20_000, 'long before it');
    requests.takeBack('b', null, 21_001);
    expect(decided(99_999)).toEqual(['long before it']);
  });

  it('that were taken back take no place of others, nor come again', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 1_000; n += 1) {
      requests.add('a', 'ada', n, 'taken back');
      requests.takeBack('a', 'ada', n + 1);
    }
    requests.add('a', 'ada', 1_000, 'kept');
    expect(decided(99_999)).toEqual(['kept']);
    requests.add('a', 'ada', 100_000, 'next');
    expect(decided(999_999)).toEqual(['next']);
    expect(requests.size).toBe(0);
  });

  it('of one user are three once there are many of the subject, and of nobody known any', () => {
    let drawn = 0;
    const { requests, decided } = waiting('user', () => (30 + drawn++) / 64);
    const names = ['ada', 'ada', 'ada', 'eve', 'eve', null, null, null];
    for (let n = 0; n < 64; n += 1) {
      const user = n < names.length ? names[n]! : `user${n}`;
      requests.add('a', user, n, `${n}`);
    }
    requests.add('a', 'ada', 70, 'fourth of ada');
    requests.add('a', 'eve', 71, 'third of eve');
    requests.add('a', 'user60', 72, 'second of user60');
    requests.add('a', null, 73, 'nobody');
    requests.add('a', 'eve', 74, 'fourth of eve');
    const found = decided(99_999);
    const replaced = ['30', '31', '32'];
    expect(found).toEqual([
      ...Array.from({ length: 64 }, (_, n) => String(n)).filter((n) => !replaced.includes(n)),
      'third of eve',
      'second of user60',
      'nobody',
    ]);
  });

  it('make place in their subject as they are decided, and are still taken back after that', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 64; n += 1) requests.add('a', n < 3 ? 'ada' : `user${n}`, 0, 'first');
    expect(decided(1_001)).toHaveLength(64);
    for (let n = 0; n < 64; n += 1) requests.add('a', n < 3 ? 'ada' : `user${n}`, 2_000, 'then');
    requests.add('a', 'bob', 2_001, 'one too many');
    expect(decided(9_999)).toHaveLength(64);
    requests.add('a', 'ada', 10_000, 'decided');
    requests.add('a', 'bob', 10_500, 'taken back');
    expect(decided(11_001)).toEqual(['decided']);
    requests.takeBack('a', 'bob', 11_100);
    expect(decided(99_999)).toEqual([]);
  });

  it('are taken back whoever they are of, where anybody may, and whoever else takes back', () => {
    const { requests, decided } = waiting('subject');
    requests.add('a', 'ada', 0, 'taken back');
    requests.takeBack('a', null, 10);
    requests.takeBack('b', null, 10);
    requests.add('a', 'bob', 20, 'after it');
    requests.add('b', 'bob', 20, 'after it');
    expect(decided(99_999)).toEqual([]);
  });

  it('that were decided do not come again when room is made', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 100; n += 1) requests.add(`early${n}`, null, 0, 'early');
    expect(decided(1_001)).toHaveLength(100);
    for (let n = 0; n < 20_000; n += 1) requests.add(`client${n}`, null, 2_000, 'late');
    requests.add('one more', null, 2_000, 'late');
    expect(new Set(decided(99_999))).toEqual(new Set(['late']));
    expect(requests.dropped).toBe(2_000);
  });

  it('are forgotten with their subject, and what has taken back before is', () => {
    const { requests, decided } = waiting('subject');
    requests.add('a', null, 0, 'forgotten');
    requests.add('b', null, 0, 'kept');
    requests.forget('a');
    requests.takeBack('c', null, 0);
    requests.forget('c');
    requests.add('c', null, 1, 'anew');
    expect(decided(99_999)).toEqual(['kept', 'anew']);
    expect(requests.dropped).toBe(0);
  });

  it('are given up, the oldest first and a tenth at once, when there are too many, and counted', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 20_000; n += 1) requests.add(`client${n}`, null, n, String(n));
    expect([requests.size, requests.dropped]).toEqual([20_000, 0]);
    requests.add('one more', null, 20_000, 'one more');
    expect([requests.size, requests.dropped]).toEqual([18_001, 2_000]);
    const found = decided(99_999);
    expect([found[0], found.at(-1), found.length]).toEqual(['2000', 'one more', 18_001]);
  });

  it('make room by what was taken back alone, where that is enough', () => {
    const { requests, decided } = waiting('user');
    for (let n = 0; n < 20_000; n += 1) requests.add(`client${n}`, 'ada', n, String(n));
    for (let n = 0; n < 5_000; n += 1) requests.takeBack(`client${n * 2}`, 'ada', 20_000);
    // Whose time was over by then stays.
    const stale = 10_000;
    expect(requests.size).toBe(20_000);
    for (let n = 10_000; n < 15_000; n += 1) requests.takeBack(`client${n}`, 'ada', n + 1);
    requests.add('one more', null, 20_000, 'one more');
    expect([requests.size, requests.dropped]).toEqual([15_001, 0]);
    expect(decided(stale)).toHaveLength(9_000);
    expect(decided(99_999).at(-1)).toBe('one more');
  });

  it('come out in order while many come and go', () => {
    const { requests, decided } = waiting('user');
    const found: string[] = [];
    const expected: string[] = [];
    for (let n = 0; n < 5_000; n += 1) {
      requests.add(`client${n % 500}`, `user${n}`, n, String(n));
      expected.push(String(n));
      if (n % 7 === 0) found.push(...decided(n));
    }
    found.push(...decided(99_999));
    expect(found).toEqual(expected);
    expect(requests.size).toBe(0);
  });

  it('forget who took back longest ago as a whole, once they are too many', () => {
    const { requests, decided } = waiting('subject');
    for (let n = 0; n < 20_000; n += 1) requests.takeBack(`client${n}`, null, 0);
    requests.add('client19999', null, 1, 'taken back');
    requests.takeBack('one more', null, 0);
    requests.add('client19999', null, 1, 'forgotten');
    requests.add('one more', null, 1, 'taken back too');
    expect(decided(99_999)).toEqual(['forgotten']);
  });
});
