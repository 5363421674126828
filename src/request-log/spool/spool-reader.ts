import { basename, join } from 'node:path';
import { unlessMissing, type SpoolFiles } from './spool-files.js';
import { SpoolSegment, type SpoolRange } from './spool-segment.js';

/** How often the folder is gone through anew where segments change their place meanwhile. */
const ROUNDS = 5;

/**
 * Reads what processes have in their spools, and leaves it as it is. Lines that are delivered already are among them as
 * long as their segment is there.
 *
 * @param folders where they are now: they move when another process adopts them.
 */
export async function* spooledLines(
  folders: () => Promise<readonly string[]>,
  files: SpoolFiles,
): AsyncGenerator<string> {
  const read = new Set<string>();
  for (let round = 1; round <= ROUNDS; round += 1) {
    let isComplete = true;
    const paths: string[] = [];
    for (const folder of await folders()) paths.push(...(await segmentsBelow(folder, files)));
    for (const path of paths) {
      // Its name says whose it was and stays; its place changes when another process adopts it.
      if (read.has(basename(path))) continue;
      const segment = await SpoolSegment.adopt(path, files).catch(unlessMissing);
      if (segment === null) {
        isComplete = false;
        continue;
      }
      read.add(basename(path));
      yield* linesOf(segment);
    }
    if (isComplete) return;
  }
}

async function* linesOf(segment: SpoolSegment): AsyncGenerator<string> {
  try {
    const range: SpoolRange = { segment, start: 0, end: segment.size, records: null };
    while (range.start < range.end) {
      const { lines, next } = await segment.read(range);
      yield* lines;
      range.start = next;
    }
  } finally {
    await segment.close();
  }
}

async function segmentsBelow(folder: string, files: SpoolFiles): Promise<string[]> {
  const found: string[] = [];
  const entries = await files.readdir(folder, { withFileTypes: true }).catch(unlessMissing);
  for (const entry of entries ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await segmentsBelow(path, files)));
    else if (entry.name.endsWith('.segment')) found.push(path);
  }
  return found;
}
