import { afterAll, describe, expect, it } from 'vitest';
import { Drill, type Fault } from './drill.js';
import { bannedWhileDown, budgetUsedUp, killedBeforeBan } from './faults/bans.js';
import { commitAnswerDropped } from './faults/commit-answer-dropped.js';
import { databaseDownAtBoot } from './faults/database-down-at-boot.js';
import {
  databaseFull,
  readOnly,
  sessionsEnded,
  tableMissing,
  tooManyConnections,
} from './faults/database-refuses.js';
import { databaseStopped } from './faults/database-stopped.js';
import { filesRefuse } from './faults/files-refuse.js';
import { flapping } from './faults/flapping.js';
import { halfOpen, halfOpenInCopy, halfOpenInUpkeep } from './faults/half-open.js';
import { killed } from './faults/killed.js';
import { memoryFull } from './faults/memory-full.js';
import { nothingWrong } from './faults/nothing-wrong.js';
import { otherRelease } from './faults/other-release.js';
import { poison } from './faults/poison.js';
import { saturated } from './faults/saturated.js';
import { slowInserts } from './faults/slow-inserts.js';
import { spoolFull } from './faults/spool-full.js';
import { spoolTorn } from './faults/spool-torn.js';
import { tableLocked } from './faults/table-locked.js';
import { terminated } from './faults/terminated.js';
import { twoProcesses } from './faults/two-processes.js';
import { ServerPool } from './server-pool.js';

/** Those that wait long for a timeout come first, so that the others run meanwhile. */
const FAULTS: readonly Fault[] = [
  halfOpen,
  halfOpenInUpkeep,
  halfOpenInCopy,
  databaseStopped,
  databaseDownAtBoot,
  flapping,
  tableLocked,
  slowInserts,
  commitAnswerDropped,
  killed,
  saturated,
  spoolFull,
  filesRefuse,
  spoolTorn,
  memoryFull,
  poison,
  nothingWrong,
  otherRelease,
  terminated,
  twoProcesses,
  readOnly,
  tooManyConnections,
  databaseFull,
  tableMissing,
  sessionsEnded,
  bannedWhileDown,
  killedBeforeBan,
  budgetUsedUp,
];

const scale = process.env['DRILL'] ?? 'small';
const isFull = scale === 'full';
const servers = new ServerPool();
afterAll(() => servers.close());

// In full each fault has the machine to itself; at the small scale several share it, since most of them wait.
describe(
  'answered = rows + spooled + counted drops, and no row twice, after',
  { concurrent: !isFull },
  () => {
    it.each(FAULTS)(
      '$name',
      async (fault) => {
        const drill = new Drill(servers, isFull);
        const startedAt = performance.now();
        try {
          const figures = await fault.run(drill);
          expect(drill.unhandled).toEqual([]);
          if (process.env['DRILL'] === undefined) return;
          const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
          process.stdout.write(
            `DRILL ${JSON.stringify({ fault: fault.name, seconds, ...figures })}\n`,
          );
        } finally {
          await drill.end();
        }
      },
      isFull ? 1_200_000 : 120_000,
    );
  },
);
