/** Reads the records of a segment. */
export type FrameReader = (bytes: Buffer) => { lines: string[]; torn: number };

/**
 * Cuts a segment off at every byte, and changes every byte to each of the telling ones: what is whole has to come out,
 * what is not has to be counted, and nothing else may come out.
 *
 * @returns what did not hold, one sentence each.
 */
export function damageEveryByte(
  spool: Buffer,
  lines: readonly string[],
  read: FrameReader,
): string[] {
  const wrong: string[] = [];
  const check = (
    what: string,
    bytes: Buffer,
    holds: (found: string[], torn: number) => boolean,
  ) => {
    try {
      const found = read(bytes);
      if (!holds(found.lines, found.torn))
        wrong.push(`${what} gives ${found.lines.length} records`);
    } catch (error) {
      wrong.push(`${what} throws ${String(error)}`);
    }
  };
  for (let size = 0; size < spool.length; size += 1) {
    check(`cut at ${size}`, spool.subarray(0, size), (found, torn) => {
      const isPrefix = found.every((line, index) => line === lines[index]);
      return isPrefix && torn <= 1 && found.length + torn <= lines.length;
    });
    for (const byte of [0x00, 0x0a, 0x1e, spool[size]! ^ 0x01]) {
      if (byte === spool[size]) continue;
      const bytes = Buffer.from(spool);
      bytes[size] = byte;
      check(
        `byte ${size} as ${byte}`,
        bytes,
        (found, torn) =>
          found.every((line) => lines.includes(line)) &&
          found.length + torn === lines.length &&
          torn <= 1,
      );
    }
  }
  return wrong;
}
