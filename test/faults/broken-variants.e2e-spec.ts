import { afterAll, describe, expect, it } from 'vitest';
import { readFrames } from '../../src/request-log/spool/spool-frame.js';
import { frameOf } from '../support/plain-line.js';
import { Drill } from './drill.js';
import { dropAnswers } from './faults/commit-answer-dropped.js';
import { feedPoison } from './faults/poison.js';
import { stopDatabase } from './faults/database-stopped.js';
import { bootWithoutDatabase } from './faults/database-down-at-boot.js';
import { overflowMemory } from './faults/memory-full.js';
import { rush } from './faults/nothing-wrong.js';
import { adoptOtherRelease } from './faults/other-release.js';
import { ServerPool } from './server-pool.js';
import { damageEveryByte, type FrameReader } from './torn-spool.js';

/** What does not come right in this time never does. */
const PATIENCE_MS = 5_000;

/** What the identity says where it does not hold. */
const NOT_THE_IDENTITY = /answered and not stored, of which are counted/;
/** What is said where there are more rows than requests. */
const TWICE = /rows that are there twice/;
/** What is said where a row is not as its client has seen it. */
const OTHERWISE = /what rows say, and clients have seen otherwise/;

const servers = new ServerPool();
afterAll(() => servers.close());

/** Runs a fault with a variant that is broken on purpose. */
async function broken(run: (drill: Drill) => Promise<unknown>): Promise<void> {
  const drill = new Drill(servers, false, PATIENCE_MS);
  try {
    await run(drill);
  } finally {
    await drill.end();
  }
}

/** A check that no broken variant has ever failed proves nothing. */
describe('the drill catches', { concurrent: true, timeout: 300_000 }, () => {
  it('a sink without ON CONFLICT', async () => {
    const run = broken((drill) => dropAnswers(drill, 'no on conflict'));
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  it('a sink that acknowledges before it has written', async () => {
    const run = broken((drill) => stopDatabase(drill, 'acknowledged before written'));
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  it('a delivery without bisection', async () => {
    const run = broken((drill) => feedPoison(drill, 'no bisection'));
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  it('a sink that swallows an error', async () => {
    const run = broken((drill) => stopDatabase(drill, 'an error swallowed'));
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  it('a sink that drops one row in 10,000', async () => {
    const run = broken((drill) => rush(drill, 'one row in 10,000 dropped'));
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  it('a sink that writes its 40th batch twice, under new ids', async () => {
    const run = broken((drill) => rush(drill, 'the 40th batch doubled'));
    await expect(run).rejects.toThrow(TWICE);
  });

  it.each(['status', 'path', 'user_id', 'duration_us'] as const)(
    'a spool that gives back another %s',
    async (column) => {
      const run = broken((drill) => bootWithoutDatabase(drill, `${column} changed in the spool`));
      await expect(run).rejects.toThrow(OTHERWISE);
    },
  );

  it('a spool of another release that is read without its columns', async () => {
    const run = broken((drill) =>
      adoptOtherRelease(drill, 'the columns of another release taken for ours'),
    );
    await expect(run).rejects.toThrow(NOT_THE_IDENTITY);
  });

  // Nothing of it is lost, until the process is: its memory tells.
  it('a queue without a bound', async () => {
    const run = broken((drill) => overflowMemory(drill, Number.MAX_SAFE_INTEGER));
    await expect(run).rejects.toThrow(/held in memory/);
  });

  it('a spool without checksums', () => {
    const withoutChecksum: FrameReader = (bytes) => ({
      lines: bytes
        .toString()
        .split('\u001e')
        .slice(1)
        .map((frame) => frame.slice(8).trimEnd()),
      torn: 0,
    });
    const lines = ['a', 'b', 'c'];
    const spool = Buffer.from(lines.map(frameOf).join(''));
    expect(damageEveryByte(spool, lines, (bytes) => readFrames(bytes, true))).toEqual([]);
    expect(damageEveryByte(spool, lines, withoutChecksum)).not.toEqual([]);
  });
});
