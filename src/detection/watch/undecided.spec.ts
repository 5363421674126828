import { describe, expect, it } from 'vitest';
import { UndecidedRequests } from './undecided.js';

const WITHIN_US = 1_000;

function waiting(of: 'user' | 'subject') {
  const requests = new UndecidedRequests<string>(WITHIN_US, of, () => 0.5);
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
});
