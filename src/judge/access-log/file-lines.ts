import { IpTrackingError, messageOf } from '../../ip-tracking.errors.js';
import type { AccessLogLine } from './access-log-line.js';
import type { BadLines, LogFileReport } from './access-log-report.js';
import { AccessLogParser } from './line-parser.js';
import { LineSplitter } from './line-splitter.js';
import { logChunks } from './log-chunks.js';
import type { LogFile } from './log-file.js';

/** One pass over one file. */
export class FileLines {
  private readonly parser = new AccessLogParser();
  private readonly splitter = new LineSplitter((bytes, start, end) => this.take(bytes, start, end));
  private readonly badBefore: number;
  private batch: AccessLogLine[] = [];
  private lineNumber = 0;
  private unzippedBytes = 0;
  private damage: string | null = null;

  /** @param onBytes told how many more bytes of the file were read, compressed as they may be. */
  constructor(
    private readonly file: LogFile,
    private readonly badLines: BadLines,
    private readonly onBytes: (count: number) => void,
  ) {
    this.badBefore = badLines.count;
  }

  /** How many bytes were looked at so far, unzipped. */
  get bytesLookedAt(): number {
    return this.unzippedBytes;
  }

  /**
   * The requests of each piece of the file; none of a piece in which no readable line ends.
   *
   * @throws IpTrackingError `IPT_ACCESS_LOG` where the file cannot be read any further.
   */
  async *batches(): AsyncGenerator<AccessLogLine[]> {
    const chunks = logChunks(this.file.file, this.file.size, {
      onBytes: this.onBytes,
      onDamage: (reason) => (this.damage = reason),
    });
    try {
      for await (const chunk of chunks) {
        this.unzippedBytes += chunk.length;
        this.splitter.push(chunk);
        yield this.takeBatch();
      }
    } catch (error) {
      throw new IpTrackingError(
        'IPT_ACCESS_LOG',
        `${JSON.stringify(this.file.name)} cannot be read to its end: ${messageOf(error)}.`,
        { cause: error },
      );
    }
    this.splitter.end();
    yield this.takeBatch();
  }

  /** What came of it so far. */
  report(firstTimestampMs: number | null): LogFileReport {
    return {
      name: this.file.name,
      firstTimestampMs,
      formats: { ...this.parser.counts },
      badLines: this.badLines.count - this.badBefore,
      damage: this.damage,
    };
  }

  private take(bytes: Buffer, start: number, end: number): void {
    this.lineNumber++;
    if (start === end) return;
    const line = this.parser.read(bytes, start, end);
    if (line !== null) this.batch.push(line);
    else this.badLines.add(this.file.name, this.lineNumber, bytes.subarray(start, end));
  }

  private takeBatch(): AccessLogLine[] {
    const { batch } = this;
    this.batch = [];
    return batch;
  }
}
