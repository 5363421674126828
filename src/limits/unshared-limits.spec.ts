import { beforeEach, expect, it } from 'vitest';
import { UnsharedLimits } from './unshared-limits.js';

let processes: number;
let warnings: string[];
let waiting: { ms: number; call: () => void }[];
let limits: UnsharedLimits;

beforeEach(() => {
  processes = 1;
  warnings = [];
  waiting = [];
  limits = new UnsharedLimits({
    count: async () => {
      if (processes === 0) throw new Error('the database is gone');
      return processes;
    },
    after: (ms, call) => {
      waiting.push({ ms, call });
      return () => void waiting.pop();
    },
    warn: (message) => void warnings.push(message),
  });
});
const aMinuteLater = async () => {
  waiting.pop()?.call();
  await new Promise(setImmediate);
};

it('says once that processes do not share their limits, when it was seen twice, a minute apart', async () => {
  processes = 3;
  await limits.look();
  await limits.look();
  expect(waiting.map(({ ms }) => ms)).toEqual([60_000]);
  expect(warnings).toEqual([]);
  await aMinuteLater();
  expect(warnings).toEqual([expect.stringMatching(/^3 processes .* rateLimits\.redis/)]);
  await limits.look();
  expect(waiting).toEqual([]);
});

it('says nothing of a deployment that replaces one process by another', async () => {
  processes = 2;
  await limits.look();
  processes = 1;
  await aMinuteLater();
  expect(warnings).toEqual([]);
  processes = 2;
  await limits.look();
  expect(waiting).toHaveLength(1);
});

it('says nothing where the process is alone, or the database is gone by then', async () => {
  await limits.look();
  expect(waiting).toEqual([]);
  processes = 2;
  await limits.look();
  processes = 0;
  await aMinuteLater();
  expect(warnings).toEqual([]);
  await expect(limits.look()).rejects.toThrow('gone');
});

it('says nothing any more once the app closes', async () => {
  processes = 2;
  await limits.look();
  limits.stop();
  expect(waiting).toEqual([]);
  await limits.look();
  expect(warnings).toEqual([]);
});
