import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter, MAX_JSON_LINE_BYTES, MAX_LINE_BYTES } from './line-splitter.js';

/** The lines of chunks, each of which is overwritten once it was handed over, as a reader does it. */
function split(chunks: readonly Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((bytes, start, end) =>
    lines.push(bytes.toString('latin1', start, end)),
  );
  for (const chunk of chunks) {
    const copy = Buffer.from(chunk);
    splitter.push(copy);
    copy.fill('#');
  }
  splitter.end();
  return lines;
}

it('finds the lines, however they are cut into chunks', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '\u00ff', ' ', '\r', '\n', '\r\n'),
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, fc.array(fc.nat(9), { maxLength: 20 }), (content, sizes) => {
      const bytes = Buffer.from(content, 'latin1');
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(bytes.subarray(at, (at += size)));
      chunks.push(bytes.subarray(at));
      const lines = content.split('\n').map((line) => line.replace(/\r$/, ''));
      // What follows the last newline is a line where there is anything.
      if (content === '' || content.endsWith('\n')) lines.pop();
      expect(split(chunks)).toEqual(lines);
    }),
  );
});

it.each([
  ['of text', 'a', MAX_LINE_BYTES],
  ['of JSON', '{', MAX_JSON_LINE_BYTES],
])('cuts a line %s that is too long, and goes on with the next', (_, first, limit) => {
  for (const excess of [-1, 0, 1, 100_000]) {
    const long = first + 'x'.repeat(limit + excess - 1);
    const content = Buffer.from(`one\n${long}\r\ntwo`);
    const cut = long.slice(0, limit);
    for (const size of [content.length, 250_000, 65_536]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < content.length; at += size)
        chunks.push(content.subarray(at, at + size));
      const lines = split(chunks);
      expect(lines.map((line) => line.length)).toEqual([3, cut.length, 3]);
      expect(lines[1] === cut).toBe(true);
    }
  }
});
