import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { openLogLines } from './log-lines.js';

const folder = mkdtempSync(join(tmpdir(), 'ipt-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

async function read(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of await openLogLines(path)) lines.push(line);
  return lines;
}

const MANY = Array.from({ length: 5_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 200)}`);

it('reads plain and gzipped files alike, whatever they are called', async () => {
  const text = `${MANY.join('\n')}\n`;
  expect(await read(file('plain.gz', text))).toEqual(MANY);
  expect(await read(file('zipped.log', gzipSync(text)))).toEqual(MANY);
});

it('reads several gzip members in a row, as rotated logs are joined', async () => {
  const joined = Buffer.concat([gzipSync('a\nb\n'), gzipSync('c\n')]);
  expect(await read(file('joined', joined))).toEqual(['a', 'b', 'c']);
});

it('reads CRLF, a last line without its end, and nothing', async () => {
  expect(await read(file('crlf', 'a\r\nb'))).toEqual(['a', 'b']);
  expect(await read(file('empty', ''))).toEqual([]);
});

it('keeps every byte as one character', async () => {
  expect(await read(file('bytes', Buffer.from([0x61, 0xc3, 0xa9, 0xff, 0x0a])))).toEqual([
    'a\u00c3\u00a9\u00ff',
  ]);
});

it('knows how far it is', async () => {
  const lines = await openLogLines(file('far', `${MANY.join('\n')}\n`));
  expect(lines.progress()).toBe(0);
  for await (const line of lines) void line;
  expect(lines.progress()).toBe(1);
});

it('says in a sentence what is wrong with the file', async () => {
  await expect(read(join(folder, 'none'))).rejects.toThrow(/^There is no file .*none: name an/);
  await expect(read(folder)).rejects.toThrow(/is a folder: name a log file in it\.$/);
  const half = gzipSync(MANY.join('\n')).subarray(0, 3_000);
  await expect(read(file('half.gz', half))).rejects.toThrow(/cannot be read to its end/);
});
