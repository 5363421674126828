import { describe, expect, it } from 'vitest';
import { SetAside, type SetAsideReport } from './set-aside.js';
import type { SpoolFiles } from './spool-files.js';
import { lineOf } from '../../../test/support/plain-line.js';
import { recordOf } from '../../../test/support/request-queue.js';

describe('SetAside', () => {
  it('tells of what comes after whoever is told has thrown', async () => {
    const told: SetAsideReport[] = [];
    const setAside = new SetAside(null, {} as SpoolFiles, (report) => {
      told.push(report);
      throw new Error('a bug of the host');
    });
    for (const id of [1, 2]) {
      setAside.refused(lineOf(recordOf(id)), new Error('invalid byte sequence'));
      await setAside.settled();
    }
    expect(told.map(({ refused, first }) => [refused, first?.id])).toEqual([
      [1, '1'],
      [1, '2'],
    ]);
  });

  it('tells where it has put what it was given, once it is there, and how much is kept nowhere', async () => {
    const told: SetAsideReport[] = [];
    const written: string[] = [];
    let isFull = false;
    const files = {
      mkdir: () => Promise.resolve(undefined),
      appendFile: async (_: string, bytes: Buffer) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (isFull) throw new Error('no space');
        written.push(String(bytes));
      },
    } as unknown as SpoolFiles;
    const setAside = new SetAside(
      () => Promise.resolve('/spool'),
      files,
      (report) => told.push(report),
    );
    setAside.refused(lineOf(recordOf(1)), new Error('invalid'));
    setAside.torn([Buffer.from('a'), Buffer.from('b')]);
    setAside.lost(4);
    await setAside.settled();
    isFull = true;
    setAside.refused(lineOf(recordOf(2)), new Error('invalid'));
    await setAside.settled();
    expect(written).toHaveLength(2);
    expect(
      told.map(({ refused, torn, lost, kept, file }) => [refused, torn, lost, kept, file]),
    ).toEqual([
      [1, 2, 4, 3, '/spool/torn.bin'],
      [1, 0, 0, 0, null],
    ]);
  });
});
