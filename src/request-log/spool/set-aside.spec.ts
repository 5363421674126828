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
});
