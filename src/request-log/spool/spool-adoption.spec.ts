import * as files from 'node:fs/promises';
import * as filesNow from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { frameOf, lineOf } from '../../../test/support/plain-line.js';
import { queueWith, recordOf } from '../../../test/support/request-queue.js';
import { temporaryFolder, type TemporaryFolder } from '../../../test/support/temporary-folder.js';
import { SEGMENT_HEADER } from './spool-frame.js';
import { HEARTBEAT, SpoolFolder } from './spool-folder.js';
import { Spool } from './spool.js';
import { SinkSpoolPlace, type SpoolProcesses } from './spool-place.js';

const ABANDONED = 'abandoned';

describe('while the database takes its time to say who it is', () => {
  let folder: TemporaryFolder;
  let answer: () => void;
  let folders: SpoolFolder;
  let spool: Spool;

  beforeEach(async () => {
    folder = temporaryFolder('adoption');
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const place = new SinkSpoolPlace(() => Promise.resolve(folder.path), files);
    const slow = {
      root: place.root,
      whoseNow: place.whoseNow,
      processes: async (): Promise<SpoolProcesses> => {
        await answered;
        return place.processes();
      },
    };
    folders = new SpoolFolder(slow, files);
    spool = new Spool(folders, {
      files,
      filesNow,
      maxBytes: 1_000_000,
      adoptAfterMs: 1_000,
      now: () => Date.now(),
      onState: () => {},
    });
    const abandoned = join(folder.path, ABANDONED);
    await files.mkdir(abandoned);
    await files.writeFile(
      join(abandoned, 'one.segment'),
      SEGMENT_HEADER.toString() + frameOf(lineOf(recordOf(7))),
    );
  });
  afterEach(() => folder.remove());

  const beats = async () => (await files.stat(join(folder.path, folders.owner, HEARTBEAT))).mtimeMs;

  it('a process shows that it lives, and adopts once the database has said so', async () => {
    const { queue, kept } = queueWith({ spool, syncIntervalMs: 5, flushIntervalMs: 5 });
    await queue.start();
    const since = await beats();
    await vi.waitFor(async () => expect(await beats()).toBeGreaterThan(since + 200), 20_000);
    expect(kept).toEqual([]);
    answer();
    await vi.waitFor(() => expect(kept).toEqual([7]), 20_000);
    await queue.close(1_000);
  });

  it('a process that ends meanwhile leaves to others what it has not adopted', async () => {
    await spool.open();
    const adopting = spool.adopt();
    await spool.close();
    answer();
    expect(await adopting).toEqual([]);
    expect(await files.readdir(folder.path)).toEqual([ABANDONED]);
  });
});
