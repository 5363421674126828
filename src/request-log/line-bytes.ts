/** UTF-8 takes three bytes at most for each unit of UTF-16. */
const MAX_BYTES_PER_UNIT = 3;
const NEWLINE = 10;
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Lines in UTF-8, each with its newline. Written one by one: joined into one text first, a single city beyond Latin-1
 * among a thousand lines would make all of it twice as wide, and thrice as dear to encode.
 */
export function bytesOfLines(lines: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  let end = 0;
  const flush = (): void => {
    parts.push(Buffer.from(scratch.subarray(0, end)));
    end = 0;
  };
  for (const line of lines) {
    const most = line.length * MAX_BYTES_PER_UNIT + 1;
    if (most > scratch.length - end) flush();
    if (most > scratch.length) {
      parts.push(Buffer.from(`${line}\n`));
      continue;
    }
    end += scratch.write(line, end);
    scratch[end] = NEWLINE;
    end += 1;
  }
  flush();
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
