import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** A copy of what can be read only once. */
export interface PrivateCopy {
  readonly file: FileHandle;
  readonly size: number;
  /** Closes the file, after which nothing is left of it. */
  remove(): Promise<void>;
}

/**
 * Copies a stream into a temporary file, for it to be read as often as needed: 0600, in a new folder of 0700, since a
 * log tells who visited what. Where the system lets it, file and folder lose their names before anything is in them, so
 * that nothing stays behind however this process ends.
 *
 * @param folder an existing one to make the new folder in.
 */
export async function copyPrivately(
  stream: AsyncIterable<Buffer | string>,
  folder: string,
): Promise<PrivateCopy> {
  const home = await mkdtemp(join(folder, 'ip-tracking-'));
  const unname = (): Promise<void> => rm(home, { recursive: true, force: true });
  let file: FileHandle | undefined;
  try {
    file = await open(join(home, 'log'), 'wx+', 0o600);
    // Windows keeps the names of open files: they go in `remove`.
    await unname().catch(() => undefined);
    let size = 0;
    for await (const chunk of stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      for (let written = 0; written < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, written, bytes.length - written);
        written += bytesWritten;
      }
      size += bytes.length;
    }
    const opened = file;
    return {
      file: opened,
      size,
      remove: async () => {
        await opened.close();
        await unname();
      },
    };
  } catch (error) {
    await file?.close();
    await unname();
    throw error;
  }
}
