/**
 * How many lines of an access log are read a second: the parser alone, on lines that are in memory, and whole passes
 * over files. Beside them the regular expression of the demo's replay and node's readline, which is what comes to mind
 * first. The lines are those of a real log, 10,000 of them over and over.
 *
 *   npm run bench -- access-log [lines] [rounds]
 */
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { parseCombinedLine } from '../demo/replay/combined-log.js';
import type { AccessLogLine } from '../src/judge/access-log/access-log-line.js';
import { AccessLogs } from '../src/judge/access-log/access-logs.js';
import { AccessLogParser } from '../src/judge/access-log/line-parser.js';
import { LineSplitter } from '../src/judge/access-log/line-splitter.js';
import { median, printTable } from './support/figures.js';

const LINES = Number(process.argv[2] ?? 500_000);
const ROUNDS = Number(process.argv[3] ?? 7);

const FIXTURE = new URL('../../test/fixtures/apache-combined-10k.log.gz', import.meta.url);
const fixture = gunzipSync(readFileSync(fileURLToPath(FIXTURE)))
  .toString('latin1')
  .trimEnd()
  .split('\n');
const combined = Array.from({ length: LINES }, (_, i) => fixture[i % fixture.length]!);
const parsed = fixture.map((line) => new AccessLogParser().readText(line)!);

function nginxJson(line: AccessLogLine): string {
  return JSON.stringify({
    time_iso8601: new Date(line.timestampMs).toISOString(),
    remote_addr: line.ip.toString(),
    remote_user: '',
    request: `${line.method} ${line.target} ${line.protocol}`,
    status: String(line.status),
    body_bytes_sent: String(line.bytes ?? 0),
    request_time: '0.003',
    http_referer: line.referer ?? '',
    http_user_agent: line.userAgent ?? '',
    http_host: 'example.org',
  });
}

/** With the headers that a browser sends, all of which Caddy logs. */
function caddyJson(line: AccessLogLine): string {
  return JSON.stringify({
    level: 'info',
    ts: line.timestampMs / 1_000,
    logger: 'http.log.access.log0',
    msg: 'handled request',
    request: {
      remote_ip: line.ip.toString(),
      remote_port: '41342',
      client_ip: line.ip.toString(),
      proto: line.protocol,
      method: line.method,
      host: 'example.org',
      uri: line.target,
      headers: {
        Accept: ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
        'Accept-Encoding': ['gzip, deflate, br'],
        'Accept-Language': ['en-US,en;q=0.5'],
        Referer: [line.referer ?? ''],
        'User-Agent': [line.userAgent ?? ''],
      },
      tls: {
        resumed: false,
        version: 772,
        cipher_suite: 4865,
        proto: 'h2',
        server_name: 'example.org',
      },
    },
    bytes_read: 0,
    user_id: '',
    duration: 0.000929675,
    size: line.bytes ?? 0,
    status: line.status,
    resp_headers: { Server: ['Caddy'], 'Content-Type': ['text/html; charset=utf-8'] },
  });
}

const repeated = (lines: readonly string[]) =>
  Buffer.from(
    `${Array.from({ length: LINES }, (_, i) => lines[i % lines.length]!).join('\n')}\n`,
    'latin1',
  );
const contents = {
  combined: Buffer.from(`${combined.join('\n')}\n`, 'latin1'),
  nginx: repeated(parsed.map(nginxJson)),
  caddy: repeated(parsed.map(caddyJson)),
};

const folder = mkdtempSync(join(tmpdir(), 'ipt-bench-access-log-'));
const path = (name: string, content: Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const files = {
  combined: path('access.log', contents.combined),
  zipped: path('access.log.gz', gzipSync(contents.combined)),
  nginx: path('nginx.json', contents.nginx),
  caddy: path('caddy.json', contents.caddy),
};

function parse(content: Buffer): number {
  const parser = new AccessLogParser();
  let count = 0;
  const splitter = new LineSplitter((bytes, start, end) => {
    if (parser.read(bytes, start, end) !== null) count++;
  });
  splitter.push(content);
  return count;
}

async function pass(file: string): Promise<number> {
  const logs = await AccessLogs.open([file]);
  let count = 0;
  for await (const batch of logs.batches()) count += batch.length;
  await logs.close();
  return count;
}

function regularExpression(): number {
  let count = 0;
  for (const line of combined) if (parseCombinedLine(line) !== null) count++;
  return count;
}

async function readline(): Promise<number> {
  let count = 0;
  const input = createReadStream(files.combined, 'latin1');
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (parseCombinedLine(line) !== null) count++;
  }
  return count;
}

const series = (
  [
    ['combined, parser alone', () => parse(contents.combined)],
    ['combined, a pass over a file', () => pass(files.combined)],
    ['combined, a pass over a .gz', () => pass(files.zipped)],
    ['nginx-JSON, parser alone', () => parse(contents.nginx)],
    ['nginx-JSON, a pass over a file', () => pass(files.nginx)],
    ['Caddy-JSON, a pass over a file', () => pass(files.caddy)],
    ['a regular expression alone', regularExpression],
    ['it and readline, over a file', readline],
  ] satisfies [string, () => number | Promise<number>][]
).map(([name, run]) => ({ name, run, perSecond: [] as number[], perCpuSecond: [] as number[] }));

process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${LINES} lines, ${ROUNDS} rounds, in turn\n`,
);
for (let round = -1; round < ROUNDS; round += 1) {
  for (const one of series) {
    const before = process.cpuUsage();
    const startedAt = performance.now();
    const count = await one.run();
    const seconds = (performance.now() - startedAt) / 1_000;
    const { user, system } = process.cpuUsage(before);
    if (count !== LINES) throw new Error(`${one.name} read ${count} of ${LINES} lines`);
    // The first round warms up.
    if (round < 0) continue;
    one.perSecond.push(LINES / seconds);
    one.perCpuSecond.push((LINES * 1e6) / (user + system));
  }
}
const thousands = (value: number) => Math.round(value).toLocaleString('en-US');
printTable([
  ['', 'lines/s', 'worst', 'lines/CPU s', 'worst'],
  ...series.map(({ name, perSecond, perCpuSecond }) => [
    name,
    thousands(median(perSecond)),
    thousands(Math.min(...perSecond)),
    thousands(median(perCpuSecond)),
    thousands(Math.min(...perCpuSecond)),
  ]),
]);
rmSync(folder, { recursive: true });
