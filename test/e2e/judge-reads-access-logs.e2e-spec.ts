import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { figuresOf } from '../../bench/support/judge-figures.js';
import { labelsOf10k } from '../../bench/support/labels-of-10k.js';
import { AccessLogs } from '../../src/judge/access-log/access-logs.js';
import { judgeLog } from '../../src/judge/judge-log.js';
import { runCli, type CliResult } from '../support/cli.js';
import { compiledMain } from '../support/compiled.js';
import { combinedLine } from '../support/log-lines.js';

const LOG = join(__dirname, '../fixtures/apache-combined-10k.log.gz');
/** Nothing to connect to: the judge needs none. */
const NO_DATABASE = {
  DATABASE_URL: '',
  IP_TRACKING_DATABASE_URL: '',
  IP_TRACKING_ENABLED: 'false',
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'judge-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function judge(...args: string[]): Promise<CliResult> {
  return runCli(['judge', ...args], NO_DATABASE);
}

interface Document {
  schemaVersion: number;
  lines: number;
  badLines: number;
  detectorsNotRun: string[];
  clients: { ipAddress: string; requests: number; refused: number; bannedFrom: string | null }[];
}

describe('ip-tracking judge', () => {
  it('reports on a real log without a database', async () => {
    const { code, stdout, stderr } = await judge(LOG);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('10,000 requests of 1,753 clients');
    expect(stdout).toMatch(/Bans would have refused \d+ of the \d+ requests/);
    expect(stdout).toMatch(/91\.236\.75\.25 +sure .*2015-05-\d\d/);
    expect(stdout).toContain('In doubt:');
    expect(stdout).toContain('  request-volume ');
    expect(stdout).toContain('the site is called semicomplete.com');
    expect(stdout.split('\n').length).toBeLessThan(60);
  });

  it('prints one JSON document', async () => {
    const { code, stdout } = await judge('--json', '--top', '1', LOG);
    const document = JSON.parse(stdout) as Document;
    expect(code).toBe(0);
    expect(document).toMatchObject({ schemaVersion: 1, lines: 10_000, badLines: 0 });
    expect(document.detectorsNotRun).toContain('sensitive-path');
    expect(document.clients.length).toBeGreaterThan(30);
    expect(document.clients.some(({ refused }) => refused > 0)).toBe(true);
  });

  it('refuses nobody in mode flag', async () => {
    const { clients } = JSON.parse((await judge('--json', '--mode=flag', LOG)).stdout) as Document;
    expect(clients.every(({ refused, bannedFrom }) => refused === 0 && bannedFrom === null)).toBe(
      true,
    );
  });

  it('reads standard input', async () => {
    const main = join(await compiledMain(), 'src/cli/main.js');
    const fromFile = JSON.parse((await judge('--json', LOG)).stdout) as Document;
    const fromInput = await new Promise<Document>((resolve, reject) => {
      const child = execFile(
        process.execPath,
        [main, 'judge', '--json', '-'],
        { maxBuffer: 1e8, env: { ...process.env, ...NO_DATABASE } },
        (error, stdout) =>
          error === null ? resolve(JSON.parse(stdout) as Document) : reject(error),
      );
      child.stdin!.end(readFileSync(LOG));
    });
    expect(fromInput.clients).toEqual(fromFile.clients);
  });

  it('counts and shows lines that it cannot read, and what they hold does nothing to the terminal', async () => {
    const path = join(folder, 'bad.log');
    writeFileSync(path, `${combinedLine({})}\nrub\u001b[31mbish\n${combinedLine({ at: 1 })}\n`);
    const { code, stdout } = await judge(path);
    expect(code).toBe(0);
    expect(stdout).toContain('1 line could not be read');
    expect(stdout).toContain(':2: rub\\u{1b}[31mbish');
    expect(stdout).toContain('Nobody was found');
  });

  it('takes thresholds, and leaves detectors out', async () => {
    const path = join(folder, 'misses.log');
    const misses = ['/a', '/b', '/c'].map((at, i) =>
      combinedLine({ path: at, status: 404, at: i }),
    );
    writeFileSync(path, `${misses.join('\n')}\n`);
    const found = async (...args: string[]): Promise<number> =>
      (JSON.parse((await judge('--json', ...args, path)).stdout) as Document).clients.length;
    expect(await found()).toBe(0);
    expect(await found('--threshold', 'not-found=3')).toBe(1);
    expect(await found('--threshold', 'not-found=3', '--off', 'not-found')).toBe(0);
  });

  it.each([
    [[], 'no access log is named'],
    [['/nowhere/access.log'], 'There is no file'],
    [['--jsn', 'x'], 'did you mean --json?'],
    [['--mode', 'kill', LOG], '--mode is "kill": give flag or ban'],
    [['--since', 'yesterday', LOG], '--since is "yesterday": give a date such as 2026-11-01'],
    [['--since', '2026-13-45', LOG], '--since is "2026-13-45": give a date'],
    [['--since', '0d', LOG], '--since is "0d"'],
    [['--top', '-1', LOG], '--top is given no value: write --top=<value>'],
    [['--top=-1', LOG], '--top is "-1": give a number'],
    [[LOG, '--top'], '--top is given no value'],
    [['-', '-'], 'give "-" once'],
    [[LOG, LOG], 'is named twice: name it once'],
    [[tmpdir()], 'is a folder: name a log in it'],
    [['--threshold', 'not-found', LOG], 'give a detector and a count'],
    [['--threshold', 'not-found=0', LOG], 'a count from 1 to 10000'],
    [['--threshold', 'notfound=3', LOG], 'did you mean not-found?'],
    [
      ['--threshold', 'request-volume=3', LOG],
      'request-volume, which judges no access log: it counts',
    ],
    [['--off', 'nobody', LOG], '--off names "nobody", which is no detector: there are probe-path,'],
  ])('ends with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await judge(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says so where there is nothing to judge', async () => {
    const empty = join(folder, 'empty.log');
    writeFileSync(empty, '');
    for (const path of [empty, '/dev/null']) {
      const { code, stdout } = await judge(path);
      expect([code, stdout]).toEqual([0, expect.stringContaining('There is no request in it')]);
    }
    const late = await judge('--since', '2031-01-01', LOG);
    expect(late.stdout).toContain(
      'No request is so late, and nobody was judged: the log ends at 2015-05-20',
    );
  });

  it('reads what is left of a log that is cut off, and says so', async () => {
    const path = join(folder, 'cut.log.gz');
    writeFileSync(path, readFileSync(LOG).subarray(0, 60_000));
    const report = await judge(path);
    expect([report.code, report.stderr]).toEqual([0, '']);
    expect(report.stdout).toContain('cut.log.gz breaks off: unexpected end of file');
    const json = await judge('--json', path);
    expect([json.code, json.stderr]).toEqual([0, expect.stringContaining('cut.log.gz breaks off')]);
    expect((JSON.parse(json.stdout) as Document).lines).toBeGreaterThan(1_000);
  });

  it('reads logs of several formats, and a rotated set in whatever order it is named', async () => {
    const lines = gunzipSync(readFileSync(LOG)).toString('latin1').split('\n');
    const parts = [lines.slice(0, 5_000), lines.slice(5_000)].map((part, at) => {
      const path = join(folder, `rotated.log.${at}`);
      writeFileSync(path, at === 0 ? gzipSync(part.join('\n')) : part.join('\n'));
      return path;
    });
    const document = async (...paths: string[]) =>
      JSON.parse((await judge('--json', ...paths)).stdout) as Document;
    const whole = await document(LOG);
    expect(await document(...parts)).toEqual(whole);
    expect(await document(...parts.toReversed())).toEqual(whole);
    const nginx = join(folder, 'nginx.log');
    writeFileSync(
      nginx,
      `${JSON.stringify({
        time_iso8601: '2015-05-19T10:05:03+00:00',
        remote_addr: '203.0.113.9',
        request: 'GET /.env HTTP/1.1',
        status: 404,
        body_bytes_sent: 10,
        http_user_agent: 'curl/8',
      })}\n`,
    );
    const both = await document(nginx, LOG);
    expect([both.lines, both.clients.length]).toEqual([10_001, whole.clients.length + 1]);
  });

  it('says how it is used, and is listed among the commands', async () => {
    expect((await judge('--help')).stdout).toContain('Usage: ip-tracking judge');
    expect((await runCli(['help', 'judge'], NO_DATABASE)).stdout).toContain('--threshold');
    expect((await runCli(['--help'], NO_DATABASE)).stdout).toContain('judge');
  });
});

it('is right about the log of 10,000 lines, as the page on detection says', async () => {
  const logs = await AccessLogs.open([LOG]);
  try {
    const lines = [];
    for await (const batch of logs.batches()) lines.push(...batch);
    expect(lines).toHaveLength(
      gunzipSync(readFileSync(LOG)).toString('latin1').trimEnd().split('\n').length,
    );
    const figures = figuresOf(await judgeLog(logs, { mode: 'ban' }), labelsOf10k(lines));
    expect(figures.hostile).toBe(36);
    expect(figures.precision).toBeGreaterThanOrEqual(0.97);
    expect(figures.recall).toBeGreaterThanOrEqual(0.97);
    expect(figures.hostileRefused / figures.hostileRequests).toBeGreaterThanOrEqual(0.6);
    expect([figures.benignBanned, figures.benignRefused]).toEqual([0, 0]);
    // A crawler that mistakes scripts in pages for links. It is flagged, and not banned.
    expect(figures.falseAlarms.map(({ ip }) => ip)).toEqual(['144.76.95.39']);
  } finally {
    await logs.close();
  }
});
