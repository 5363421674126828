/**
 * How right the judge is, by address: precision, recall, and what bans would have refused, of the 10,000 lines of the
 * fixture, or of logs with labels of one's own. Labels are JSON, or gzipped JSON: `{ "site", "labels": [{ "ip",
 * "label": "hostile" | "benign" | "ambiguous", "why", "requests" }] }`.
 *
 *   npm run bench -- figures [<access.log> <labels.json> ...]
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { AccessLogLine } from '../src/judge/access-log/access-log-line.js';
import { AccessLogs } from '../src/judge/access-log/access-logs.js';
import { judgeLog } from '../src/judge/judge-log.js';
import { type AddressLabel, figuresOf, type JudgeFigures } from './support/judge-figures.js';
import { labelsOf10k } from './support/labels-of-10k.js';

const FIXTURE = fileURLToPath(
  new URL('../../test/fixtures/apache-combined-10k.log.gz', import.meta.url),
);
const given = process.argv.slice(2);
if (given.length % 2 === 1) {
  process.stderr.write('Give a log and its labels, or several pairs of them.\n');
  process.exit(2);
}

async function labelsIn(logs: AccessLogs, path: string | undefined): Promise<AddressLabel[]> {
  if (path !== undefined) {
    const bytes = readFileSync(path);
    const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString('utf8');
    return (JSON.parse(text) as { labels: AddressLabel[] }).labels;
  }
  const lines: AccessLogLine[] = [];
  for await (const batch of logs.batches()) lines.push(...batch);
  return labelsOf10k(lines);
}

function rowOf(name: string, figures: JudgeFigures): string {
  const { hostile, benign, precision, recall, hostileRequests, hostileRefused } = figures;
  const refused = Math.round((100 * hostileRefused) / Math.max(1, hostileRequests));
  return `| ${[
    name,
    `${hostile} / ${benign}`,
    precision.toFixed(3),
    recall.toFixed(3),
    `${hostileRefused} of ${hostileRequests} (${refused} %)`,
    String(figures.benignBanned),
    String(figures.benignRefused),
    `${figures.banned}, and ${figures.overBudget} over the budget`,
    `${figures.hostileRefusedWithoutBudget} / ${figures.benignRefusedWithoutBudget}`,
  ].join(' | ')} |\n`;
}

const pairs = given.length === 0 ? [[FIXTURE, undefined] as const] : [];
const all = [
  ...pairs,
  ...given.flatMap((log, i) => (i % 2 === 0 ? [[log, given[i + 1]] as const] : [])),
];
const remarks: string[] = [];
process.stdout.write(
  '| log | hostile / benign | precision | recall | hostile requests refused | benign banned | benign requests refused | clients banned | refused without a budget: hostile / benign |\n' +
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n',
);
for (const [path, labelsPath] of all) {
  const logs = await AccessLogs.open([path]);
  try {
    const labels = await labelsIn(logs, labelsPath);
    const figures = figuresOf(await judgeLog(logs, { mode: 'ban' }), labels);
    const name = basename(path).replace(/\.log(\.gz)?$/, '');
    process.stdout.write(rowOf(name, figures));
    for (const { ip, why, reasons } of figures.falseAlarms) {
      remarks.push(`false alarm in ${name}: ${ip} (${why}): ${reasons.join('; ')}`);
    }
    for (const { ip, why } of figures.missed) remarks.push(`missed in ${name}: ${ip} (${why})`);
  } finally {
    await logs.close();
  }
}
process.stdout.write(`\n${remarks.join('\n')}\n`);
