import type { FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

const PLAIN_CHUNK_BYTES = 256 * 1024;
/** Small, since gzip packs up to a thousand bytes into one, and what a chunk holds is in memory at once. */
const GZIP_CHUNK_BYTES = 16 * 1024;
const UNZIPPED_CHUNK_BYTES = 256 * 1024;

/** What is told while a file is read. */
export interface ChunkListener {
  /** So many more bytes of the file, compressed as it may be, have been read. */
  onBytes(count: number): void;
  /** The compressed data breaks off or is broken, for this reason; what came before it has been handed on. */
  onDamage(reason: string): void;
}

/**
 * The content of a file up to `size`, unzipped where its first two bytes say that it is zipped, whatever its name: a
 * rotated log may be called anything. A chunk is only valid until the next is asked for.
 */
export async function* logChunks(
  file: FileHandle,
  size: number,
  listener: ChunkListener,
): AsyncGenerator<Buffer> {
  if (await isGzip(file, size)) {
    yield* unzipped(fileChunks(file, size, GZIP_CHUNK_BYTES, listener), listener);
  } else {
    yield* fileChunks(file, size, PLAIN_CHUNK_BYTES, listener);
  }
}

async function isGzip(file: FileHandle, size: number): Promise<boolean> {
  const magic = Buffer.alloc(2);
  await file.read(magic, 0, Math.min(2, size), 0);
  return magic[0] === 0x1f && magic[1] === 0x8b;
}

async function* fileChunks(
  file: FileHandle,
  size: number,
  chunkBytes: number,
  listener: ChunkListener,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, size)));
  for (let position = 0; position < size;) {
    const wanted = Math.min(buffer.length, size - position);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    listener.onBytes(bytesRead);
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Fed piece by piece and never paused: node throws away what a stream still holds when it fails, and of a file that was
 * cut off everything before the cut is wanted.
 */
async function* unzipped(
  chunks: AsyncGenerator<Buffer>,
  listener: ChunkListener,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: UNZIPPED_CHUNK_BYTES });
  const ready: Buffer[] = [];
  let failure: Error | undefined;
  gunzip.on('data', (chunk: Buffer) => ready.push(chunk));
  const over = new Promise<void>((resolve) => {
    gunzip.once('close', resolve);
    gunzip.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  try {
    for await (const chunk of chunks) {
      // Of a piece that is broken the stream says so, but never that it is done with it.
      await Promise.race([over, new Promise((resolve) => gunzip.write(chunk, resolve))]);
      yield* ready.splice(0);
      if (failure !== undefined) break;
    }
    gunzip.end();
    await over;
    yield* ready.splice(0);
    if (failure !== undefined) listener.onDamage(failure.message);
  } finally {
    gunzip.destroy();
  }
}
