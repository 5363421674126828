import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { recordOf } from '../../../test/support/request-queue.js';
import type { LogRecord } from '../record/request-record.js';
import { RecordFolding } from './record-folding.js';

let nowMs: number;
let waiting: { atMs: number; call: () => void }[];
let released: LogRecord[];

beforeEach(() => {
  nowMs = 0;
  waiting = [];
  released = [];
});

function folding(perMinute: number): RecordFolding {
  return new RecordFolding({
    perMinute,
    holdMs: 100,
    now: () => nowMs,
    after: (ms, call) => void waiting.push({ atMs: nowMs + ms, call }),
    release: (record) => void released.push(record),
  });
}

/** As the logger does it: true where the request has a row of its own at once. */
function request(by: RecordFolding, ip: string, ruleId: number): boolean {
  const address = parseIp(ip);
  if (by.adds(address, ruleId)) return false;
  return !by.holds({ ...recordOf(0), ip: address, ruleId }, ruleId);
}

function pass(ms: number): void {
  nowMs += ms;
  for (const due of waiting.filter(({ atMs }) => atMs <= nowMs)) {
    waiting.splice(waiting.indexOf(due), 1);
    due.call();
  }
}

const told = () => released.map(({ ip, ruleId, repeats }) => [ip?.toString(), ruleId, repeats]);

describe('RecordFolding', () => {
  it('gives so many a minute a row of their own, and folds the rest by client and rule', () => {
    const by = folding(3);
    const own = Array.from({ length: 10 }, () => request(by, '192.0.2.1', 1));
    expect(own.filter(Boolean)).toHaveLength(3);
    request(by, '192.0.2.1', 2);
    request(by, '192.0.2.2', 1);
    expect(released).toEqual([]);
    pass(100);
    expect(told()).toEqual([
      ['192.0.2.1', 1, 6],
      ['192.0.2.1', 2, 0],
      ['192.0.2.2', 1, 0],
    ]);
    expect(by.folded).toBe(6);
  });

  it('begins anew after a minute', () => {
    const by = folding(1);
    expect([request(by, '192.0.2.1', 1), request(by, '192.0.2.1', 1)]).toEqual([true, false]);
    pass(60_000);
    expect(request(by, '192.0.2.1', 1)).toBe(true);
  });

  it('takes the addresses of one /64 for one client', () => {
    const by = folding(0);
    for (const ip of ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1']) request(by, ip, 1);
    by.releaseAll();
    expect(told()).toEqual([
      ['2001:db8::1', 1, 1],
      ['2001:db8:0:1::1', 1, 0],
    ]);
  });

  it('holds no more than 10,000 at once', () => {
    const by = folding(0);
    for (let n = 0; n < 10_500; n += 1)
      request(by, `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 1);
    expect(released).toHaveLength(500);
    expect(told()[0]).toEqual(['10.0.0.0', 1, 0]);
  });

  it('accounts for every request, whatever comes when', () => {
    const step = fc.oneof(
      fc.record({
        ip: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2'),
        ruleId: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({ ms: fc.integer({ min: 1, max: 70_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(20), (steps, perMinute) => {
        [nowMs, waiting, released] = [0, [], []];
        const by = folding(perMinute);
        let [requests, own] = [0, 0];
        for (const what of steps) {
          if ('ms' in what) pass(what.ms);
          else {
            requests += 1;
            if (request(by, what.ip, what.ruleId)) own += 1;
          }
        }
        by.releaseAll();
        const stoodFor = released.reduce((sum, { repeats }) => sum + 1 + repeats, 0);
        expect(own + stoodFor).toBe(requests);
        expect(own + released.length + by.folded).toBe(requests);
      }),
    );
  });
});
