import { afterEach, describe, expect, it } from 'vitest';
import { frameOf, readFrames } from '../../src/request-log/spool-frame.js';
import { Drill } from './drill.js';
import { dropAnswers } from './faults/commit-answer-dropped.js';
import { feedPoison } from './faults/poison.js';
import { stopDatabase } from './faults/database-stopped.js';
import { overflowMemory } from './faults/memory-full.js';
import { damageEveryByte, type FrameReader } from './torn-spool.js';

/** A check that no broken variant has ever failed proves nothing. */
describe('the drill catches', () => {
  let drill: Drill;
  afterEach(() => drill.end());

  it('a sink without ON CONFLICT', async () => {
    drill = new Drill(false);
    await expect(dropAnswers(drill, 'no on conflict')).rejects.toThrow(/called refused/);
  });

  it('a sink that acknowledges before it has written', async () => {
    drill = new Drill(false);
    await expect(stopDatabase(drill, 'acknowledged before written')).rejects.toThrow(
      /neither stored nor counted/,
    );
  });

  it('a delivery without bisection', async () => {
    drill = new Drill(false);
    await expect(feedPoison(drill, 'no bisection')).rejects.toThrow(/delivery of all records/);
  });

  it('a queue without a bound', async () => {
    drill = new Drill(false);
    await expect(overflowMemory(drill, Number.MAX_SAFE_INTEGER)).rejects.toThrow(/held in memory/);
  });

  it('a spool without checksums', () => {
    drill = new Drill(false);
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
