import { tmpdir } from 'node:os';
import type { Readable } from 'node:stream';
import { IpTrackingError } from '../../ip-tracking.errors.js';
import type { AccessLogLine } from './access-log-line.js';
import { type AccessLogReport, BadLines, type LogFileReport } from './access-log-report.js';
import { FileLines } from './file-lines.js';
import { LogFile, STDIN } from './log-file.js';
import { firstRequestMs } from './log-head.js';

/** How {@link AccessLogs} are opened and read. */
export interface AccessLogsOptions {
  /** What `-` stands for. @default process.stdin */
  readonly stdin?: Readable;
  /** Where standard input is copied to, since it is read more than once. @default the system's temporary folder */
  readonly temporaryFolder?: string;
  /** Told during each pass how many bytes have been read of how many, compressed as they may be. */
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
}

interface OrderedFile {
  readonly file: LogFile;
  readonly firstTimestampMs: number | null;
}

/**
 * Access logs, plain or gzipped, to be read as one and as often as needed: rotated files in the order of their first
 * requests, since their names tell that in too many ways. Files that overlap, such as those of two servers, are read one
 * after the other all the same.
 */
export class AccessLogs {
  private lastReport: AccessLogReport | null = null;

  private constructor(
    private readonly ordered: readonly OrderedFile[],
    private readonly onProgress: NonNullable<AccessLogsOptions['onProgress']>,
  ) {}

  /**
   * Opens files, of which `-` is standard input, and looks at the beginning of each.
   *
   * @throws IpTrackingError `IPT_ACCESS_LOG`, naming the file, where one cannot be opened, or holds lines of which none
   * is in a format that there is, or is named twice. Nothing is left open then.
   */
  static async open(
    paths: readonly string[],
    { stdin = process.stdin, temporaryFolder = tmpdir(), onProgress }: AccessLogsOptions = {},
  ): Promise<AccessLogs> {
    if (paths.filter((path) => path === STDIN).length > 1) {
      throw new IpTrackingError('IPT_ACCESS_LOG', 'Standard input is there once: give "-" once.');
    }
    const files: LogFile[] = [];
    try {
      const ordered: OrderedFile[] = [];
      for (const path of paths) {
        const file = await LogFile.open(path, { stdin, temporaryFolder });
        const same = files.find(({ identity }) => identity !== null && identity === file.identity);
        files.push(file);
        if (same !== undefined) throw namedTwice(same.name, file.name);
        ordered.push({ file, firstTimestampMs: await firstRequestMs(file) });
      }
      ordered.sort((a, b) => (a.firstTimestampMs ?? Infinity) - (b.firstTimestampMs ?? Infinity));
      return new AccessLogs(ordered, onProgress ?? (() => undefined));
    } catch (error) {
      await Promise.all(files.map((file) => file.close()));
      throw error;
    }
  }

  /** The files in the order in which they are read. */
  get names(): string[] {
    return this.ordered.map(({ file }) => file.name);
  }

  /** What the last whole pass came to; null before there was one. */
  get report(): AccessLogReport | null {
    return this.lastReport;
  }

  /**
   * One pass over all lines, in batches as they come, so that nobody waits for each line. A batch is never empty.
   *
   * @throws IpTrackingError `IPT_ACCESS_LOG` where a file cannot be read to its end. One whose compressed data breaks
   * off is read as far as it goes, which {@link report} says.
   */
  async *batches(): AsyncGenerator<AccessLogLine[]> {
    const bytesTotal = this.ordered.reduce((sum, { file }) => sum + file.size, 0);
    const badLines = new BadLines();
    const files: LogFileReport[] = [];
    let bytesRead = 0;
    let lines = 0;
    this.onProgress(0, bytesTotal);
    const onBytes = (count: number): void => this.onProgress((bytesRead += count), bytesTotal);
    for (const { file, firstTimestampMs } of this.ordered) {
      const fileLines = new FileLines(file, badLines, onBytes);
      for await (const batch of fileLines.batches()) {
        lines += batch.length;
        if (batch.length > 0) yield batch;
      }
      files.push(fileLines.report(firstTimestampMs));
    }
    this.lastReport = { lines, badLines: badLines.count, firstBadLines: badLines.first, files };
  }

  /** Lets all files go, and with them the copy of standard input. */
  async close(): Promise<void> {
    await Promise.all(this.ordered.map(({ file }) => file.close()));
  }
}

/** What is counted twice looks like twice as many requests. */
function namedTwice(first: string, second: string): IpTrackingError {
  const [one, other] = [JSON.stringify(first), JSON.stringify(second)];
  const what = one === other ? `${one} is named twice` : `${one} and ${other} are one file`;
  return new IpTrackingError('IPT_ACCESS_LOG', `${what}: name it once.`);
}
