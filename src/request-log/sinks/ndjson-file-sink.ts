import { open, type FileHandle } from 'node:fs/promises';
import type { RequestRecord, RequestSink } from '../record/request-record.js';

/** How an {@link NdjsonFileSink} writes. */
export interface NdjsonFileSinkOptions {
  /** The file; made where it is missing, appended to where it is not. Several processes may share it. */
  path: string;
  /** Whether a batch counts as kept only once it is on the disk. @default true */
  sync?: boolean;
}

/**
 * Writes records to a file, one in JSON a line, for a log shipper to take from there. A batch that failed half-way is
 * written again, and so are the spooled records of a process that was killed: readers tell them by their id.
 */
export class NdjsonFileSink implements RequestSink {
  private opening: Promise<FileHandle> | null = null;

  constructor(private readonly options: NdjsonFileSinkOptions) {}

  async write(records: readonly RequestRecord[]): Promise<void> {
    const file = await this.file();
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    const bytes = Buffer.from(text);
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) {
      // The next batch must not continue half a line.
      await file.write('\n').catch(() => undefined);
      throw new Error(`${this.options.path} took only a part of the batch`);
    }
    if (this.options.sync ?? true) await file.datasync();
  }

  async close(): Promise<void> {
    const file = await this.opening?.catch(() => null);
    this.opening = null;
    await file?.close();
  }

  private file(): Promise<FileHandle> {
    this.opening ??= open(this.options.path, 'a', 0o600).catch((error: unknown) => {
      this.opening = null;
      throw error;
    });
    return this.opening;
  }
}
