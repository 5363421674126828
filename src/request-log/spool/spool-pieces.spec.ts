import { writeFileSync } from 'node:fs';
import * as fileSystem from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frameOf, lineOf } from '../../../test/support/plain-line.js';
import { recordOf } from '../../../test/support/request-queue.js';
import { temporaryFolder, type TemporaryFolder } from '../../../test/support/temporary-folder.js';
import { LINE_COLUMNS } from '../record/record-line.js';
import { SEGMENT_HEADER } from './spool-frame.js';
import { SpoolSegment, type SpoolRange } from './spool-segment.js';

/** More than is read at once, several times. */
const RECORDS = 4_000;
const LINES = Array.from({ length: RECORDS }, (_, id) =>
  lineOf({ ...recordOf(id), path: `/${'x'.repeat(id % 500)}` }),
);

describe('a segment of several pieces', () => {
  let folder: TemporaryFolder;
  let path: string;
  beforeEach(() => {
    folder = temporaryFolder('segment');
    path = join(folder.path, 'one.segment');
  });
  afterEach(() => folder.remove());

  async function readAll(): Promise<{ lines: string[]; torn: number; pieces: number }> {
    const segment = await SpoolSegment.adopt(path, fileSystem);
    const range: SpoolRange = { segment, start: 0, end: segment.size, records: null };
    const found = { lines: [] as string[], torn: 0, pieces: 0 };
    while (range.start < range.end) {
      const { lines, torn, next } = await segment.read(range);
      expect(next).toBeGreaterThan(range.start);
      found.lines.push(...lines);
      found.torn += torn;
      found.pieces += 1;
      range.start = next;
    }
    await segment.close();
    return found;
  }

  it('gives each of its records once, in order', async () => {
    writeFileSync(path, SEGMENT_HEADER.toString() + LINES.map(frameOf).join(''));
    const { lines, torn, pieces } = await readAll();
    expect(lines).toEqual(LINES);
    expect(torn).toBe(0);
    expect(pieces).toBeGreaterThan(3);
  });

  it('of another release is read by its columns to its end', async () => {
    const columns = [...LINE_COLUMNS].toReversed();
    const theirs = LINES.map((line) => line.split('\t').toReversed().join('\t'));
    writeFileSync(
      path,
      `nestjs-ip-tracking spool 1 ${columns.join(',')}\n${theirs.map(frameOf).join('')}`,
    );
    const { lines, torn } = await readAll();
    expect(lines).toEqual(LINES);
    expect(torn).toBe(0);
  });

  it('gives a record that is longer than a piece', async () => {
    const long = lineOf({ ...recordOf(1), path: `/${'y'.repeat(700_000)}` });
    const all = [LINES[0]!, long, LINES[1]!];
    writeFileSync(path, SEGMENT_HEADER.toString() + all.map(frameOf).join(''));
    expect((await readAll()).lines).toEqual(all);
  });
});
