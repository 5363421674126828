import { describe, expect, it } from 'vitest';
import { outcomeOf, type Outcome, type ResponseFacts } from './outcome.js';

const served: ResponseFacts = {
  refusal: null,
  status: 200,
  isMatched: true,
  isComplete: true,
  hasClientLeft: false,
};

describe('outcomeOf', () => {
  it.each<[string, Partial<ResponseFacts>, Outcome]>([
    ['an answer', {}, 'served'],
    ['a redirect', { status: 302 }, 'served'],
    ['a handler’s own 4xx', { status: 422 }, 'served'],
    ['a handler’s own 404', { status: 404 }, 'served'],
    ['a handler’s own 429', { status: 429 }, 'served'],
    ['404 without a route', { status: 404, isMatched: false }, 'unmatched'],
    ['200 without a route, as of static files', { isMatched: false }, 'served'],
    ['401 by a guard of the host', { status: 401 }, 'refused'],
    ['403 by a guard of the host', { status: 403 }, 'refused'],
    ['403 before any route', { status: 403, isMatched: false }, 'refused'],
    ['499', { status: 499 }, 'served'],
    ['500', { status: 500 }, 'failed'],
    ['503', { status: 503, isMatched: false }, 'failed'],
    ['a client that left', { isComplete: false, hasClientLeft: true }, 'aborted'],
    [
      'a client that left a 500',
      { status: 500, isComplete: false, hasClientLeft: true },
      'aborted',
    ],
    ['a stream that broke', { isComplete: false }, 'failed'],
    ['a client that left with all of it', { hasClientLeft: true }, 'served'],
    ['our block', { refusal: 'blocked', status: 403 }, 'blocked'],
    ['our block as a 404', { refusal: 'blocked', status: 404, isMatched: false }, 'blocked'],
    ['our limit', { refusal: 'throttled', status: 429 }, 'throttled'],
    [
      'our block, not waited for',
      { refusal: 'blocked', status: 403, isComplete: false, hasClientLeft: true },
      'blocked',
    ],
    ['our block that a filter made a 500', { refusal: 'blocked', status: 500 }, 'blocked'],
  ])('%s', (_, facts, expected) => {
    expect(outcomeOf({ ...served, ...facts })).toBe(expected);
  });
});
