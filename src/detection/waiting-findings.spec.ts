import { beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from './finding.js';
import { WaitingFindings } from './waiting-findings.js';

let nowMs: number;
let timers: { atMs: number; call: () => void }[];
let stores: { reasons: string[]; end: (error?: Error) => void }[];
let waiting: WaitingFindings;

const finding = (reason: string, minute = 0): Finding => ({
  subjectKind: 'client',
  subject: '203.0.113.7',
  detector: 'probe-path',
  reason,
  evidence: {},
  weight: 10,
  firstSeen: new Date(0),
  lastSeen: new Date(minute * 60_000),
});

/** Lets what waits for promises go on. */
const turn = () => new Promise(setImmediate);

async function pass(ms: number): Promise<void> {
  nowMs += ms;
  for (const due of timers.filter(({ atMs }) => atMs <= nowMs)) {
    timers.splice(timers.indexOf(due), 1);
    due.call();
  }
  await turn();
}

async function ends(error?: Error): Promise<void> {
  stores.at(-1)!.end(error);
  await turn();
}

const told = () => stores.map(({ reasons }) => reasons);

beforeEach(() => {
  [nowMs, timers, stores] = [0, [], []];
  waiting = new WaitingFindings({
    save: (findings) =>
      new Promise((resolve, reject) => {
        stores.push({
          reasons: findings.map(({ reason }) => reason),
          end: (error) =>
            error === undefined ? resolve({ saved: [], exempted: {} } as never) : reject(error),
        });
      }),
    now: () => nowMs,
    after: (ms, call) => {
      const timer = { atMs: nowMs + ms, call };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer) >>> 0, 1);
    },
    warn: () => undefined,
  });
});

describe('WaitingFindings', () => {
  it('store what is new at once, and what goes on once a minute', async () => {
    waiting.add(finding('first'));
    await pass(200);
    await ends();
    waiting.add(finding('again', 1));
    await pass(59_000);
    expect(told()).toEqual([['first']]);
    await pass(1_000);
    expect(told()).toEqual([['first'], ['again']]);
    await ends();
    expect(waiting.size).toBe(0);
  });

  it('store at once what something follows from, though its like was stored a moment ago', async () => {
    waiting.add(finding('first'));
    await pass(200);
    await ends();
    waiting.add(finding('banned', 1), true);
    await pass(200);
    expect(told()).toEqual([['first'], ['banned']]);
  });

  it('store at once what something follows from, though its like is being stored right then', async () => {
    waiting.add(finding('first'));
    await pass(200);
    waiting.add(finding('banned', 1), true);
    await ends();
    await pass(200);
    expect(told()).toEqual([['first'], ['banned']]);
    await ends();
    expect(waiting.size).toBe(0);
  });

  it('have not forgotten that it is urgent when a write fails', async () => {
    waiting.add(finding('first'));
    await pass(200);
    await ends();
    waiting.add(finding('banned', 1), true);
    await pass(200);
    await ends(new Error('no database'));
    await pass(5_000);
    expect(told()).toEqual([['first'], ['banned'], ['banned']]);
  });

  it('are stored by one write at a time, however long it takes and however many come meanwhile', async () => {
    waiting.add(finding('first'));
    await pass(200);
    for (const subject of ['a', 'b', 'c', 'd']) {
      waiting.add({ ...finding(subject), subject });
      await pass(200);
    }
    expect(told()).toEqual([['first']]);
    await ends();
    expect(told()).toEqual([['first'], ['a', 'b', 'c', 'd']]);
    await ends();
    await pass(60_000);
    expect(told()).toHaveLength(2);
  });

  it('are tried again however often a write fails, whoever asked for it', async () => {
    waiting.add(finding('first'));
    await pass(200);
    await ends(new Error('no database'));
    const asked = waiting.flush(true);
    await turn();
    await ends(new Error('no database yet'));
    await asked;
    await pass(5_000);
    expect(told()).toEqual([['first'], ['first'], ['first']]);
  });
});
