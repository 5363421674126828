import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFrames, SEGMENT_HEADER } from '../../src/request-log/spool/spool-frame.js';
import { eventually } from '../support/eventually.js';

/** The segments below a folder for state, whoever they belong to. */
export function segmentsIn(stateDir: string): string[] {
  return readdirSync(stateDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.segment'))
    .map((name) => join(stateDir, name));
}

/**
 * Waits until these requests are in the spool, but for so many that were dropped: even a killed process loses nothing
 * from there.
 */
export async function spooled(
  stateDir: string,
  ids: readonly string[],
  dropped = 0,
): Promise<void> {
  await eventually(
    () => {
      const found = spooledIds(stateDir);
      return ids.filter((id) => !found.has(id)).length <= dropped;
    },
    { withinMs: 20_000, what: 'spooling of all that was answered' },
  );
}

/** The ids of the records that stand whole in the spool. */
export function spooledIds(stateDir: string): Set<string> {
  const paths = segmentsIn(stateDir).flatMap((path) => {
    const bytes = readFileSync(path).subarray(SEGMENT_HEADER.length);
    return readFrames(bytes, true).lines.map((line) => line.split('\t')[PATH]!);
  });
  return new Set(paths.map((path) => path.split('/').at(-1)!));
}

const PATH = 5;
