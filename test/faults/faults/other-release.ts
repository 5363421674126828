import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { LINE_COLUMNS } from '../../../src/request-log/record/record-line.js';
import { readFrames, SEGMENT_HEADER } from '../../../src/request-log/spool/spool-frame.js';
import { frameOf } from '../../support/plain-line.js';
import type { Drill, Fault } from '../drill.js';
import type { DrillAppOptions } from '../drill-app.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';
import { segmentsIn, spooled } from '../spooled-ids.js';

/** What another release has that this one has not, and the other way round. */
const UNKNOWN = 'of_another_release';
const MISSING = 'repeats';

/** A process of another release is killed; the next one, of this release, delivers what it has spooled. */
export const otherRelease: Fault = {
  name: 'a spool of another release',
  run: (drill) => adoptOtherRelease(drill),
};

export async function adoptOtherRelease(
  drill: Drill,
  mutant?: DrillAppOptions['mutant'],
): Promise<Record<string, string>> {
  const server = await drill.server();
  const stateDir = drill.folder();
  const app = await drill.app({ databaseUrl: server.url, stateDir });
  await server.stop('fast');
  const load = drill.load(() => app.url);
  await sleep(drill.scaled(500, 5_000));
  await load.stop();
  await spooled(stateDir, load.ids);
  await app.end('SIGKILL');
  for (const path of segmentsIn(stateDir)) rewrite(path);
  await server.start();
  const next = await drill.app({ databaseUrl: server.url, stateDir, mutant });
  const account = await expectIdentity(server.url, [load], [next], { withinMs: drill.patienceMs });
  await drained([next]);
  expect((await next.stats()).torn).toBe(0);
  return figuresOf(account);
}

/** Its columns in another order, one of ours missing and one more than ours. */
function rewrite(path: string): void {
  const bytes = readFileSync(path).subarray(SEGMENT_HEADER.length);
  const columns: string[] = [...LINE_COLUMNS.filter((column) => column !== MISSING), UNKNOWN];
  columns.reverse();
  const lines = readFrames(bytes, true).lines.map((line) => {
    const fields = line.split('\t');
    return columns
      .map((column) => fields[LINE_COLUMNS.indexOf(column as (typeof LINE_COLUMNS)[number])] ?? 'x')
      .join('\t');
  });
  const header = `nestjs-ip-tracking spool 1 ${columns.join(',')}\n`;
  writeFileSync(path, header + lines.map(frameOf).join(''));
}
