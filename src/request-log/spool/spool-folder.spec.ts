import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { HEARTBEAT, SpoolFolder } from './spool-folder.js';
import { SinkSpoolPlace } from './spool-place.js';

const ADOPT_AFTER_MS = 1_000;

async function folders(): Promise<{ root: string; open: () => SpoolFolder }> {
  const root = await files.mkdtemp(join(tmpdir(), 'ipt-spool-folder-'));
  onTestFinished(() => files.rm(root, { recursive: true, force: true }));
  const place = new SinkSpoolPlace(() => Promise.resolve(root), files);
  return { root, open: () => new SpoolFolder(place, files) };
}

/** Stores a segment in a folder, whose process then shows no life for a while. */
async function leaves(root: string, folder: SpoolFolder, segment: string): Promise<void> {
  const path = join(root, folder.owner);
  await files.writeFile(join(path, `${segment}.segment`), segment);
  const longAgo = new Date(Date.now() - 60_000);
  await files.utimes(join(path, HEARTBEAT), longAgo, longAgo);
}

it('is adopted as often as its process is taken for dead, though nothing of the first time is delivered yet', async () => {
  const { root, open } = await folders();
  const [survivor, sleeper] = [open(), open()];
  await survivor.open();
  for (const segment of ['first', 'second', 'third']) {
    await sleeper.open();
    await leaves(root, sleeper, segment);
    await survivor.adopt(await survivor.processes(), ADOPT_AFTER_MS);
    expect(await sleeper.beat()).toBe(false);
  }
  const { segments } = await survivor.adopt(await survivor.processes(), ADOPT_AFTER_MS);
  expect(segments.map((path) => basename(path)).sort()).toEqual([
    'first.segment',
    'second.segment',
    'third.segment',
  ]);
});
