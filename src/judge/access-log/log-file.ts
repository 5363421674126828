import { createReadStream } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { IpTrackingError, messageOf } from '../../ip-tracking.errors.js';
import { copyPrivately } from './private-copy.js';

/** Where standard input comes from, and where the copy of it goes. */
export interface LogFilePlaces {
  readonly stdin: Readable;
  readonly temporaryFolder: string;
}

/** How standard input is named on a command line. */
export const STDIN = '-';

/** An access log that can be read from its beginning as often as needed, always up to the same end. */
export class LogFile {
  private constructor(
    /** As people know it. */
    readonly name: string,
    readonly file: FileHandle,
    /**
     * Bytes, compressed as they may be, when the file was opened. What a running server adds is not read: every pass
     * shall see the same lines.
     */
    readonly size: number,
    private readonly remove: () => Promise<void>,
    /** What tells files apart, whatever they are called; null for what was copied. */
    readonly identity: string | null = null,
  ) {}

  /**
   * Opens a file, or `-` for standard input. What can be read only once, such as a pipe, is copied first.
   *
   * @throws IpTrackingError `IPT_ACCESS_LOG` where there is none, or it cannot be opened.
   */
  static async open(path: string, places: LogFilePlaces): Promise<LogFile> {
    if (path === STDIN) return LogFile.copyOf('standard input', places.stdin, places);
    try {
      const found = await stat(path);
      if (found.isDirectory()) {
        throw new IpTrackingError(
          'IPT_ACCESS_LOG',
          `${JSON.stringify(path)} is a folder: name a log in it.`,
        );
      }
      if (!found.isFile()) return await LogFile.copyOf(path, createReadStream(path), places);
      const file = await open(path, 'r');
      return new LogFile(path, file, found.size, () => file.close(), await identityOf(file));
    } catch (error) {
      if (error instanceof IpTrackingError) throw error;
      throw new IpTrackingError('IPT_ACCESS_LOG', whyNotOpen(path, error), { cause: error });
    }
  }

  private static async copyOf(
    name: string,
    stream: Readable,
    { temporaryFolder }: LogFilePlaces,
  ): Promise<LogFile> {
    try {
      const { file, size, remove } = await copyPrivately(stream, temporaryFolder);
      return new LogFile(name, file, size, remove);
    } catch (error) {
      throw new IpTrackingError(
        'IPT_ACCESS_LOG',
        `${name} cannot be copied to a temporary file in ${temporaryFolder}, where it is read from twice: ${messageOf(error)}.`,
        { cause: error },
      );
    }
  }

  /** Lets the file go; of a copy nothing is left. */
  async close(): Promise<void> {
    await this.remove();
  }
}

async function identityOf(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev} ${ino}`;
}

function whyNotOpen(path: string, error: unknown): string {
  const name = JSON.stringify(path);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return `There is no file ${name}: name an access log, or "-" to read one from standard input.`;
    case 'EACCES':
    case 'EPERM':
      return `${name} may not be read by this user.`;
    default:
      return `${name} cannot be opened: ${messageOf(error)}.`;
  }
}
