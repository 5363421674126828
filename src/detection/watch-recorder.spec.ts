import { beforeEach, describe, expect, it } from 'vitest';
import { recordOf } from '../../test/support/request-queue.js';
import { parseIp } from '../net/ip-address.js';
import type { LogRecord } from '../request-log/record/request-record.js';
import { bitsOf } from '../signals/signal.js';
import { authFailuresDetector } from './detectors/auth-failures.js';
import type { Finding } from './finding.js';
import { WatchRecorder } from './watch-recorder.js';

const GUESSER = parseIp('203.0.113.7')!;
/** As long as somebody may take to remember their password, and a moment more. */
const PATIENCE_MS = 900_001;
const START_MS = Date.UTC(2026, 0, 1);

let nowMs: number;
let saved: Finding[];
let recorder: WatchRecorder;

beforeEach(() => {
  nowMs = START_MS;
  saved = [];
  recorder = new WatchRecorder({
    detectors: [authFailuresDetector()],
    maxBytes: 1_000_000,
    addresses: { stored: (ip) => ip },
    keepsAgents: true,
    save: async (findings) => {
      saved.push(...findings);
      return { saved: [], exempted: {} } as never;
    },
    claims: null,
    now: () => nowMs,
    after: () => () => undefined,
    warn: (message) => expect.fail(message),
  });
});

/** So many users whose password was guessed wrongly, a second after each other. */
function guesses(count: number, more: Partial<LogRecord> = {}): void {
  for (let n = 0; n < count; n += 1) {
    recorder.ended({
      ...recordOf(n),
      timestampMs: nowMs + n * 1_000,
      ip: GUESSER,
      path: '/login',
      status: 401,
      signals: bitsOf(['auth-failure']),
      attemptedUser: `user${n}`,
      ...more,
    });
  }
}
const told = () => saved.map(({ detector, weight, subject }) => ({ detector, weight, subject }));

describe('the watch of an app', () => {
  it('decides at a flush what has waited for its time, though nobody comes by any more', async () => {
    guesses(20);
    await recorder.flush();
    expect(told().at(-1)).toMatchObject({ weight: 20 });
    nowMs += 20_000 + PATIENCE_MS;
    await recorder.flush();
    expect(told().at(-1)).toEqual({
      detector: 'auth-failures',
      weight: 40,
      subject: '203.0.113.7',
    });
  });

  it('finds nothing any more of whom it was to forget, of what has waited neither', async () => {
    guesses(9);
    recorder.forget([GUESSER]);
    guesses(9);
    nowMs += 20_000 + PATIENCE_MS;
    await recorder.flush();
    expect(told()).toEqual([]);
    guesses(20);
    recorder.forget([GUESSER]);
    nowMs += 20_000 + PATIENCE_MS;
    await recorder.flush();
    expect(told()).toEqual([]);
  });

  it('counts nothing of what a block, a ban or a limit rule has refused', async () => {
    guesses(50, { reason: 'rule', status: 403 });
    nowMs += 60_000 + PATIENCE_MS;
    await recorder.flush();
    expect(told()).toEqual([]);
  });
});
