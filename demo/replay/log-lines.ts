import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DemoError } from '../demo-error.js';

export interface LogLines extends AsyncIterable<string> {
  /** How much of the file has been read, from 0 to 1; `null` for standard input, whose end nobody knows. */
  progress(): number | null;
}

/** Small, so that what was read is close to what was handed on, which is what a progress bar shows. */
const CHUNK_BYTES = 8 * 1024;

/** The lines of a log, plain or gzipped, as one byte a character: a log is bytes, in no encoding that could be told. */
export async function openLogLines(file: string): Promise<LogLines> {
  const isStdin = file === '-';
  const size = isStdin ? null : await sizeOf(file);
  let bytesRead = 0;
  const source = isStdin ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });

  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytesRead += chunk.length;
      yield chunk;
    }
  }

  async function* lines(): AsyncGenerator<string> {
    try {
      yield* linesOf(await unzipped(counted()));
    } catch (error) {
      throw new DemoError(
        `${isStdin ? 'Standard input' : file} cannot be read to its end (${(error as Error).message}).`,
        undefined,
        { cause: error },
      );
    }
  }

  const opened = lines();
  return {
    progress: () => (size === null ? null : size === 0 ? 1 : Math.min(1, bytesRead / size)),
    [Symbol.asyncIterator]: () => opened,
  };
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => null);
  if (found?.isDirectory()) throw new DemoError(`${file} is a folder: name a log file in it.`);
  if (!found)
    throw new DemoError(
      `There is no file ${file}: name an access log, or "-" to read it from standard input.`,
    );
  return found.size;
}

/** By the first two bytes, not by the name: a rotated log may be called anything. */
async function unzipped(chunks: AsyncGenerator<Buffer>): Promise<Readable> {
  const first = await chunks.next();
  const all = Readable.from(
    (async function* () {
      if (!first.done) yield first.value;
      yield* chunks;
    })(),
    { objectMode: false },
  );
  const isGzip = !first.done && first.value[0] === 0x1f && first.value[1] === 0x8b;
  if (!isGzip) return all;
  const gunzip = createGunzip();
  all.once('error', (error) => gunzip.destroy(error));
  return all.pipe(gunzip);
}

async function* linesOf(bytes: Readable): AsyncGenerator<string> {
  const reader = createInterface({ input: bytes.setEncoding('latin1'), crlfDelay: Infinity });
  // readline does not hand on what goes wrong with its input.
  const failed = new Promise<never>((_, reject) => bytes.once('error', reject));
  failed.catch(() => undefined);
  const iterator = reader[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), failed]);
    if (next.done) return;
    yield next.value;
  }
}
