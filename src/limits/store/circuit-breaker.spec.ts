import { describe, expect, it } from 'vitest';

import { CircuitBreaker } from './circuit-breaker.js';

function breaker(random = () => 1): CircuitBreaker {
  return new CircuitBreaker({ firstPauseMs: 250, maxPauseMs: 1_000, calmAfterMs: 10_000, random });
}

describe('CircuitBreaker', () => {
  it('opens with the first failure and takes no notice of those that were under way', () => {
    const circuit = breaker();
    expect(circuit.state).toBe('closed');
    expect(circuit.open(0)).toBe(250);
    expect(circuit.open(1)).toBeNull();
    expect(circuit.state).toBe('open');
  });

  it('waits longer after each probe that fails, up to the longest pause', () => {
    const circuit = breaker();
    circuit.open(0);
    const pauses = Array.from({ length: 4 }, () => {
      circuit.probe();
      return circuit.probeFailed();
    });
    expect(pauses).toEqual([500, 1_000, 1_000, 1_000]);
  });

  it('closes after a probe that succeeds', () => {
    const circuit = breaker();
    circuit.open(0);
    circuit.probe();
    expect(circuit.state).toBe('half-open');
    circuit.close(250);
    expect(circuit.state).toBe('closed');
  });

  it.each([
    { name: 'goes on where it was for a store that flaps', failsAt: 5_000, pauseMs: 500 },
    { name: 'goes on where it was a moment before it is calm', failsAt: 10_299, pauseMs: 500 },
    { name: 'begins anew once it is calm', failsAt: 10_300, pauseMs: 250 },
  ])('$name', ({ failsAt, pauseMs }) => {
    const circuit = breaker();
    circuit.open(0);
    circuit.close(300);
    expect(circuit.open(failsAt)).toBe(pauseMs);
  });

  it('shortens a pause by up to a quarter at random', () => {
    expect(breaker(() => 0).open(0)).toBe(187.5);
  });
});
