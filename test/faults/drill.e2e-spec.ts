import { afterEach, describe, expect, it } from 'vitest';
import { Drill, type Fault } from './drill.js';
import { commitAnswerDropped } from './faults/commit-answer-dropped.js';
import { databaseDownAtBoot } from './faults/database-down-at-boot.js';
import { databaseStopped } from './faults/database-stopped.js';
import { flapping } from './faults/flapping.js';
import { halfOpen } from './faults/half-open.js';
import { killed } from './faults/killed.js';
import { memoryFull } from './faults/memory-full.js';
import { poison } from './faults/poison.js';
import { slowInserts } from './faults/slow-inserts.js';
import { spoolFull } from './faults/spool-full.js';
import { tableLocked } from './faults/table-locked.js';
import { terminated } from './faults/terminated.js';
import { twoProcesses } from './faults/two-processes.js';

const FAULTS: readonly Fault[] = [
  databaseStopped,
  databaseDownAtBoot,
  flapping,
  tableLocked,
  slowInserts,
  halfOpen,
  commitAnswerDropped,
  killed,
  spoolFull,
  memoryFull,
  poison,
  terminated,
  twoProcesses,
];

const isFull = process.env['DRILL'] === 'full';

describe('answered = rows + spooled + counted drops, and no row twice, after', () => {
  let drill: Drill;
  afterEach(() => drill.end());

  it.each(FAULTS)(
    '$name',
    async (fault) => {
      drill = new Drill(isFull);
      const startedAt = performance.now();
      const figures = await fault.run(drill);
      expect(drill.unhandled).toEqual([]);
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      if (isFull)
        process.stdout.write(
          `DRILL ${JSON.stringify({ fault: fault.name, seconds, ...figures })}\n`,
        );
    },
    isFull ? 1_200_000 : 60_000,
  );
});
