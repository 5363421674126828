import { IpTrackingError } from '../../ip-tracking.errors.js';
import { ACCESS_LOG_FORMATS } from './access-log-line.js';
import { BadLines, type BadLine } from './access-log-report.js';
import { FileLines } from './file-lines.js';
import type { LogFile } from './log-file.js';

/** So much of a file, unzipped, is looked at for a first line that can be read. */
const HEAD_BYTES = 16 * 1024 * 1024;

/** What else logs are compressed with, by their first bytes, and what unpacks it. */
const OTHER_COMPRESSIONS = [
  ['28b52ffd', 'zstd -dc'],
  ['fd377a585a', 'xz -dc'],
  ['425a68', 'bzip2 -dc'],
] as const;

/**
 * The time of a file's first request; null for a file that holds no line at all, as rotation leaves them.
 *
 * @throws IpTrackingError `IPT_ACCESS_LOG` where it holds lines, but none of them, nor of its first 16 MB, is in any
 * format that there is.
 */
export async function firstRequestMs(file: LogFile): Promise<number | null> {
  const badLines = new BadLines();
  const lines = new FileLines(file, badLines, () => undefined);
  for await (const batch of lines.batches()) {
    const [first] = batch;
    if (first !== undefined) return first.timestampMs;
    if (lines.bytesLookedAt > HEAD_BYTES) break;
  }
  const { damage } = lines.report(null);
  if (badLines.count === 0 && damage === null) return null;
  throw new IpTrackingError('IPT_ACCESS_LOG', await whyNoLog(file, badLines.first[0], damage));
}

async function whyNoLog(
  file: LogFile,
  bad: BadLine | undefined,
  damage: string | null,
): Promise<string> {
  const name = JSON.stringify(file.name);
  const unpack = await unpackerOf(file);
  if (unpack !== undefined) {
    return `${name} is compressed in a way that is not read here: pipe it in through ${unpack}.`;
  }
  if (damage !== null) {
    return `${name} breaks off before its first line that can be read: its compressed data is damaged (${damage}).`;
  }
  return (
    `${name} is no access log that can be read. Its line ${bad?.line} is ${JSON.stringify(bad?.text)}, ` +
    `and nothing after it is in a format that there is: ${ACCESS_LOG_FORMATS.join(', ')}.`
  );
}

async function unpackerOf(file: LogFile): Promise<string | undefined> {
  const head = Buffer.alloc(5);
  const { bytesRead } = await file.file.read(head, 0, Math.min(head.length, file.size), 0);
  const magic = head.subarray(0, bytesRead).toString('hex');
  return OTHER_COMPRESSIONS.find(([start]) => magic.startsWith(start))?.[1];
}
