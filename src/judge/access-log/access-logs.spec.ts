import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { IpTrackingError } from '../../ip-tracking.errors.js';
import { AccessLogs, type AccessLogsOptions } from './access-logs.js';
import { copyPrivately } from './private-copy.js';

const folder = mkdtempSync(join(tmpdir(), 'ipt-access-logs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const opened: AccessLogs[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((logs) => logs.close()));
});

async function open(paths: string[], options?: AccessLogsOptions): Promise<AccessLogs> {
  const logs = await AccessLogs.open(paths, options);
  opened.push(logs);
  return logs;
}

async function targets(logs: AccessLogs): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of logs.batches()) found.push(...batch.map(({ target }) => target));
  return found;
}

const line = (target: string, time = '17/May/2015:10:05:03', eol = '\n') =>
  `203.0.113.7 - - [${time} +0000] "GET ${target} HTTP/1.1" 200 1${eol}`;
const MANY = Array.from({ length: 20_000 }, (_, i) => `/${i}-${'x'.repeat(i % 90)}`);
const manyLines = () => MANY.map((target) => line(target)).join('');

describe('access logs', () => {
  it('are read alike, plain and gzipped, whatever they are called, as often as asked', async () => {
    for (const path of [
      file('plain.gz', manyLines()),
      file('zipped.log', gzipSync(manyLines())),
      file(
        'joined.log',
        Buffer.concat([
          gzipSync(line('/0-')),
          gzipSync(
            MANY.slice(1)
              .map((target) => line(target))
              .join(''),
          ),
        ]),
      ),
    ]) {
      const logs = await open([path]);
      expect(await targets(logs)).toEqual(MANY);
      expect(await targets(logs)).toEqual(MANY);
    }
  });

  it.each([
    ['plain', (content: string) => content],
    ['gzipped', (content: string) => gzipSync(content)],
  ])('come %s in batches as they are read, few of them, and none empty', async (name, pack) => {
    let share = 0;
    const onProgress = (read: number, total: number) => (share = read / total);
    const logs = await open([file(`batches.${name}`, pack(manyLines()))], { onProgress });
    const sizes: number[] = [];
    const shares: number[] = [];
    for await (const batch of logs.batches()) {
      sizes.push(batch.length);
      shares.push(share);
    }
    expect(shares[0]).toBeLessThan(0.5);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.length).toBeLessThan(30);
    expect(sizes).not.toContain(0);
  });

  it.skipIf(!existsSync('/proc/self/fd'))('leave no file open, whatever happens', async () => {
    const openFiles = () => readdirSync('/proc/self/fd').length;
    const good = file('good.log', line('/1'));
    const broken = () =>
      Readable.from(
        (function* () {
          yield line('/1');
          throw new Error('the pipe broke');
        })(),
      );
    const attempts: (() => Promise<unknown>)[] = [
      () => AccessLogs.open([good, good, join(folder, 'none')]),
      () => AccessLogs.open([good, file('no.log', 'prose')]),
      () => AccessLogs.open([good, '-'], { stdin: broken(), temporaryFolder: folder }),
      () =>
        AccessLogs.open([good, '-'], { stdin: Readable.from(['prose']), temporaryFolder: folder }),
    ];
    const before = openFiles();
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(IpTrackingError);
    const logs = await AccessLogs.open([good, '-'], { stdin: Readable.from([line('/2')]) });
    await logs.close();
    expect(openFiles()).toBe(before);
  });

  it('are read in the order of their first requests, not of their names', async () => {
    const third = file('access.log', line('/3', '19/May/2015:00:00:00'));
    const first = file(
      'access.log.2.gz',
      gzipSync(`garbage\n${line('/1', '17/May/2015:00:00:00')}`),
    );
    const second = file('access.log.1', line('/2', '18/May/2015:00:00:00'));
    const empty = file('access.log.0', '\n\n');
    const logs = await open([empty, third, first, second]);
    expect(logs.names).toEqual([first, second, third, empty]);
    expect(await targets(logs)).toEqual(['/1', '/2', '/3']);
    expect(logs.report?.files.map(({ firstTimestampMs }) => firstTimestampMs)).toEqual([
      Date.UTC(2015, 4, 17),
      Date.UTC(2015, 4, 18),
      Date.UTC(2015, 4, 19),
      null,
    ]);
  });

  it('may have garbage anywhere, which is counted, and of which the first few lines are kept', async () => {
    const garbage = Array.from({ length: 8 }, (_, i) => `garbage ${i}`);
    const long = `long ${'y'.repeat(100_000)}`;
    const path = file(
      'garbage.log',
      [
        long,
        line('/1', undefined, '\r'),
        '',
        '\xff\xfe\x00 caf\xe9',
        ...garbage,
        line('/2', undefined, ''),
      ].join('\n'),
    );
    const logs = await open([path]);
    expect(logs.report).toBeNull();
    expect(await targets(logs)).toEqual(['/1', '/2']);
    expect(logs.report).toMatchObject({ lines: 2, badLines: 10 });
    expect(logs.report?.firstBadLines.map((bad) => bad.line)).toEqual([1, 4, 5, 6, 7]);
    expect(logs.report?.firstBadLines[0]).toEqual({
      file: path,
      line: 1,
      text: long.slice(0, 200),
    });
    expect(logs.report?.files).toEqual([
      {
        name: path,
        firstTimestampMs: Date.UTC(2015, 4, 17, 10, 5, 3),
        formats: { combined: 0, common: 2, 'nginx-json': 0, 'caddy-json': 0 },
        badLines: 10,
        damage: null,
      },
    ]);
  });

  it('tell how far they are, in bytes of the files, and are done when all is read', async () => {
    const paths = [file('far.log', manyLines()), file('far.gz', gzipSync(manyLines()))];
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
    const told: [number, number][] = [];
    const logs = await open(paths, { onProgress: (read, total) => told.push([read, total]) });
    await targets(logs);
    const total = sizes[0]! + sizes[1]!;
    expect(told[0]).toEqual([0, total]);
    expect(told.at(-1)).toEqual([total, total]);
    expect(told.length).toBeGreaterThan(5);
    expect(told.every(([read], i) => i === 0 || read > told[i - 1]![0])).toBe(true);
  });

  it('end where they ended when they were opened, though a server goes on writing', async () => {
    const path = file('live.log', line('/1'));
    const logs = await open([path]);
    writeFileSync(path, line('/2'), { flag: 'a' });
    expect(await targets(logs)).toEqual(['/1']);
  });
});

describe('a gzipped log that is cut off', () => {
  const whole = gzipSync(manyLines());

  it.each([0.2, 0.5, 0.9, 1 - 4 / whole.length, 1 - 1 / whole.length])(
    'after %d of it is read as far as it goes, and that is said',
    async (share) => {
      const cut = whole.subarray(0, Math.floor(whole.length * share));
      const logs = await open([file('cut.gz', cut)]);
      const found = await targets(logs);
      // The last line may be cut, too, and may then be bad.
      expect(found.length).toBeGreaterThan(MANY.length * share * 0.8);
      expect(found.slice(0, -1)).toEqual(MANY.slice(0, found.length - 1));
      expect(logs.report?.files[0]?.damage).toBe('unexpected end of file');
    },
  );

  it('has all its lines where only the trailer is missing', async () => {
    const logs = await open([file('trailer.gz', whole.subarray(0, -8))]);
    expect(await targets(logs)).toEqual(MANY);
  });

  it('is read up to where it is broken', async () => {
    const broken = Buffer.from(whole);
    broken.fill(0xff, Math.floor(whole.length / 2), Math.floor(whole.length / 2) + 64);
    const logs = await open([file('broken.gz', broken)]);
    const found = await targets(logs);
    expect(found.length).toBeGreaterThan(MANY.length * 0.3);
    expect(found.length).toBeLessThan(MANY.length);
    expect(logs.report?.files[0]?.damage).not.toBeNull();
  });

  it('is refused where it holds nothing', async () => {
    const path = file('stub.gz', whole.subarray(0, 12));
    await expect(open([path])).rejects.toThrow(/stub\.gz" breaks off before its first line/);
  });
});

describe('standard input', () => {
  const home = mkdtempSync(join(folder, 'tmp-'));

  it('is read as often as asked, and leaves nothing behind', async () => {
    const stdin = Readable.from([
      Buffer.from(line('/1')),
      line('/2').slice(0, 9),
      line('/2').slice(9),
    ]);
    const logs = await open(['-'], { stdin, temporaryFolder: home });
    expect(logs.names).toEqual(['standard input']);
    expect(await targets(logs)).toEqual(['/1', '/2']);
    expect(await targets(logs)).toEqual(['/1', '/2']);
    await opened.pop()!.close();
    expect(readdirSync(home)).toEqual([]);
  });

  it('may be gzipped, and takes its place among files', async () => {
    const stdin = Readable.from([gzipSync(line('/2', '18/May/2015:00:00:00'))]);
    const third = file('third.log', line('/3', '19/May/2015:00:00:00'));
    const logs = await open([third, '-'], { stdin, temporaryFolder: home });
    expect(await targets(logs)).toEqual(['/2', '/3']);
  });

  it('is nobody else’s to read while it is there', async () => {
    const stdin = new PassThrough();
    const copying = copyPrivately(stdin, home);
    stdin.end(line('/1'));
    const copy = await copying;
    const found = await copy.file.stat();
    expect(found.mode & 0o777).toBe(0o600);
    // Without a name nobody can open it, and nothing is left of it however the process ends.
    expect(found.nlink).toBe(0);
    expect(readdirSync(home)).toEqual([]);
    await copy.remove();
  });

  it('leaves nothing behind where it breaks', async () => {
    const stdin = Readable.from(
      (function* () {
        yield line('/1');
        throw new Error('the pipe broke');
      })(),
    );
    await expect(open(['-'], { stdin, temporaryFolder: home })).rejects.toThrow(
      /standard input cannot be copied .* the pipe broke/,
    );
    expect(readdirSync(home)).toEqual([]);
  });

  it('leaves nothing behind where it holds no log, or another file cannot be read', async () => {
    const garbage = () => ({ stdin: Readable.from(['garbage\n']), temporaryFolder: home });
    await expect(open(['-'], garbage())).rejects.toThrow(/"standard input" is no access log/);
    const log = { stdin: Readable.from([line('/1')]), temporaryFolder: home };
    await expect(open(['-', join(folder, 'none')], log)).rejects.toThrow(/There is no file/);
    expect(readdirSync(home)).toEqual([]);
  });

  it('cannot be given twice', async () => {
    await expect(open(['-', '-'])).rejects.toThrow(/give "-" once/);
  });
});

describe('what is no access log', () => {
  it.each([
    [
      'a file that is not there',
      () => join(folder, 'none.log'),
      /^There is no file ".*none\.log": name an access log/,
    ],
    ['a folder', () => folder, /" is a folder: name a log in it\.$/],
    [
      'a file of prose',
      () => file('prose.txt', 'Dear Sir,\nsome\nprose\x1b[2J\n'),
      /prose\.txt" is no access log that can be read\. Its line 1 is "Dear Sir,", and nothing after it is in a format that there is: combined, common, nginx-json, caddy-json\.$/,
    ],
    ['an escape sequence', () => file('escape.txt', '\x1b[2J\n'), /Its line 1 is "\\u001b\[2J"/],
    [
      'zstd',
      () => file('log.zst', Buffer.from('28b52ffd0458', 'hex')),
      /compressed in a way that is not read here: pipe it in through zstd -dc/,
    ],
    ['xz', () => file('log.xz', Buffer.from('fd377a585a00', 'hex')), /xz -dc/],
    ['bzip2', () => file('log.bz2', Buffer.from('425a6839', 'hex')), /bzip2 -dc/],
    ['a device', () => '/dev/zero/none', /cannot be opened|There is no file/],
  ])('is refused: %s', async (_, path, message) => {
    const refusal = await open([path()]).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(IpTrackingError);
    expect(refusal).toMatchObject({
      code: 'IPT_ACCESS_LOG',
      message: expect.stringMatching(message),
    });
  });

  it.skipIf(process.getuid?.() === 0)('is refused where it may not be read', async () => {
    const path = file('secret.log', line('/1'));
    chmodSync(path, 0);
    await expect(open([path])).rejects.toThrow(/may not be read by this user/);
  });

  it('is not looked for beyond the first 16 MB', async () => {
    const path = file(
      'long.txt',
      Buffer.concat([Buffer.alloc(17 << 20, 'garbage\n'), Buffer.from(line('/1'))]),
    );
    await expect(open([path])).rejects.toThrow(/is no access log/);
  });

  it('may be nothing at all, as rotation leaves it', async () => {
    const logs = await open([
      file('empty.log', ''),
      file('blank.log', '\n\r\n'),
      file('empty.gz', gzipSync('')),
    ]);
    expect(await targets(logs)).toEqual([]);
    expect(logs.report).toMatchObject({ lines: 0, badLines: 0 });
  });
});

it('a pipe that has a name is copied as well', async () => {
  const { execFileSync, spawn } = await import('node:child_process');
  const path = join(folder, 'fifo');
  execFileSync('mkfifo', [path]);
  const writer = spawn('/bin/sh', ['-c', 'printf "%s" "$1" > "$2"', 'sh', line('/1'), path]);
  const home = join(folder, 'fifo-tmp');
  mkdirSync(home);
  const logs = await open([path], { temporaryFolder: home });
  expect(await targets(logs)).toEqual(['/1']);
  expect(await targets(logs)).toEqual(['/1']);
  writer.kill();
});
