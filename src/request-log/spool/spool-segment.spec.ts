import * as fileSystem from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { frameOf, lineOf } from '../../../test/support/plain-line.js';
import { recordOf as plainRecord } from '../../../test/support/request-queue.js';
import { temporaryFolder } from '../../../test/support/temporary-folder.js';
import { LINE_COLUMNS, recordOf } from '../record/record-line.js';
import { SpoolSegment } from './spool-segment.js';

const folder = temporaryFolder('segment');
afterEach(() => folder.remove());

it('reads what a release has written that knew no signals', async () => {
  const columns = LINE_COLUMNS.filter(
    (column) => column !== 'signals' && column !== 'attempted_user',
  );
  const record = { ...plainRecord(7), signals: 3, attemptedUser: 'x' };
  const fields = lineOf(record).split('\t');
  const line = columns.map((column) => fields[LINE_COLUMNS.indexOf(column)]).join('\t');
  const path = join(folder.path, '1.spool');
  await fileSystem.mkdir(folder.path, { recursive: true });
  await fileSystem.writeFile(
    path,
    `nestjs-ip-tracking spool 1 ${columns.join(',')}\n${frameOf(line)}`,
  );
  const segment = await SpoolSegment.adopt(path, fileSystem);
  const { size } = await fileSystem.stat(path);
  const { lines } = await segment.read({ segment, start: 0, end: size, records: null });
  await segment.close();
  expect(lines.map(recordOf)).toEqual([
    { ...plainRecord(7), extra: undefined, signals: null, attemptedUser: null },
  ]);
});
