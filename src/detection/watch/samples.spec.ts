import { describe, expect, it } from 'vitest';
import { Samples } from './samples.js';
import type { WatchEvent } from './watch-event.js';

const EVENT: WatchEvent = {
  endedAtUs: 0,
  client: null,
  address: null,
  userId: null,
  attemptedUser: null,
  route: null,
  path: '/',
  method: 'GET',
  userAgent: 'curl',
  outcome: 'served',
  status: 200,
  sensitive: false,
  signals: 0b0110,
};

describe('what is kept of requests, for people', () => {
  it('is each path, agent, method and client once, and which signals any and all of them had', () => {
    const samples = new Samples();
    samples.add(1, EVENT, '192.0.2.1');
    samples.add(1, { ...EVENT, path: '/b', method: 'POST', signals: 0b0011 }, '192.0.2.2');
    const sample = samples.add(1, { ...EVENT, userAgent: null, signals: 0b1010 }, null);
    expect(sample).toMatchObject({
      signals: 0b1111,
      commonSignals: 0b0010,
      paths: ['/', '/b'],
      agents: ['curl'],
      methods: ['GET', 'POST'],
      clients: ['192.0.2.1', '192.0.2.2'],
      toldUs: Number.NEGATIVE_INFINITY,
    });
  });

  it('has nothing in common with a request that nobody has looked at', () => {
    const sample = new Samples().add(1, { ...EVENT, signals: null }, null);
    expect([sample.signals, sample.commonSignals]).toEqual([0, 0]);
  });

  it('is so much and no more, each cut to a line', () => {
    const samples = new Samples();
    for (let n = 0; n < 120; n += 1) {
      const event = {
        ...EVENT,
        path: `/${n}`,
        userAgent: `agent ${n}`,
        method: `M${n}`,
      };
      samples.add(1, event, `192.0.2.${n}`);
    }
    const { paths, agents, methods, clients } = samples.add(1, EVENT, null);
    expect([paths, agents, methods, clients].map(({ length }) => length)).toEqual([10, 5, 5, 100]);
    expect(paths.at(-1)).toBe('/9');
    expect(samples.add(2, { ...EVENT, path: 'x'.repeat(120) }, null).paths[0]).toHaveLength(120);
    expect(samples.add(3, { ...EVENT, path: 'x'.repeat(121) }, null).paths[0]).toHaveLength(120);
  });

  it.each([
    ['a signal', { signals: 0b0111 }],
    ['one signal less in common', { signals: 0b0010 }],
    ['a path', { path: '/new' }],
    ['an agent', { userAgent: 'wget' }],
    ['a method', { method: 'PUT' }],
  ])('is news where there is %s that was not there', (_, other) => {
    const samples = new Samples();
    const sample = samples.add(1, EVENT, '192.0.2.1');
    expect(sample.hasNews).toBe(true);
    sample.hasNews = false;
    samples.add(1, { ...EVENT }, '192.0.2.1');
    expect(sample.hasNews).toBe(false);
    samples.add(1, { ...EVENT, ...other }, '192.0.2.1');
    expect(sample.hasNews).toBe(true);
    samples.add(1, EVENT, '192.0.2.1');
    expect(sample.hasNews).toBe(true);
  });

  it('is news where a client comes that was not there', () => {
    const samples = new Samples();
    const sample = samples.add(1, EVENT, '192.0.2.1');
    sample.hasNews = false;
    samples.add(1, EVENT, '192.0.2.2');
    expect(sample.hasNews).toBe(true);
  });

  it('is of 4,096 counters, of which the oldest goes first, and only when another comes', () => {
    const samples = new Samples();
    const first = samples.add(0, EVENT, null);
    const second = samples.add(1, EVENT, null);
    for (let key = 2; key < 4_096; key += 1) samples.add(key, EVENT, null);
    expect(samples.add(0, EVENT, null)).toBe(first);
    samples.add(4_096, EVENT, null);
    expect(samples.add(1, EVENT, null)).toBe(second);
    expect(samples.forget(0)).toBeUndefined();
    expect(samples.forget(1)).toBe(second);
    expect(samples.forget(1)).toBeUndefined();
  });
});
