/**
 * How many lines of an access log are judged a second, both passes together and each: a real log of 10,000 lines, again
 * and again, each time four days later. GoAccess and CrowdSec read the same where they are
 * installed (Debian has both).
 *
 *   npm run bench -- judge [lines] [rounds]
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { AccessLogs } from '../src/judge/access-log/access-logs.js';
import { judgeLog } from '../src/judge/judge-log.js';
import { median, printTable } from './support/figures.js';

const LINES = Number(process.argv[2] ?? 500_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const DAY_MS = 86_400_000;
/** So many lines go to CrowdSec. */
const FEW = Math.min(LINES, 10_000);
const FIXTURE = new URL('../../test/fixtures/apache-combined-10k.log.gz', import.meta.url);
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

async function writeLog(path: string): Promise<void> {
  const fixture = gunzipSync(readFileSync(fileURLToPath(FIXTURE))).toString('latin1');
  const lines = fixture.trimEnd().split('\n');
  const out = createWriteStream(path, 'latin1');
  for (let written = 0, round = 0; written < LINES; round++) {
    const part = lines.slice(0, LINES - written).map((line) =>
      line.replace(/\[(\d\d)\/May\/2015/, (_, day: string) => {
        const date = new Date(Date.UTC(2015, 4, Number(day)) + 4 * round * DAY_MS);
        const two = String(date.getUTCDate()).padStart(2, '0');
        return `[${two}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
      }),
    );
    written += part.length;
    if (!out.write(`${part.join('\n')}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** Processor time in milliseconds. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Another program's processor time in milliseconds; null where it is not installed. */
function cpuMsOf(program: string, args: readonly string[]): number | null {
  try {
    const times =
      'import resource; r = resource.getrusage(resource.RUSAGE_CHILDREN); print(r.ru_utime + r.ru_stime)';
    const run = `import subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True); ${times}`;
    const seconds = execFileSync('python3', ['-c', run, program, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return 1_000 * Number(seconds.toString());
  } catch {
    return null;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'bench-judge-'));
try {
  const path = join(folder, 'access.log');
  await writeLog(path);
  const reading: number[] = [];
  const judging: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const logs = await AccessLogs.open([path]);
    reading.push(
      await cpuMs(async () => {
        for await (const batch of logs.batches()) if (batch.length === 0) throw new Error('empty');
      }),
    );
    judging.push(await cpuMs(() => judgeLog(logs, { mode: 'ban' })));
    await logs.close();
  }
  const perSecond = (ms: number): string => Math.round((1_000 * LINES) / ms).toLocaleString('en');
  const goaccess = cpuMsOf('goaccess', [
    path,
    '--log-format=COMBINED',
    '-o',
    join(folder, 'r.html'),
  ]);
  // It takes minutes for as many lines as the others take seconds for, and needs parsers, scenarios and, for its local API,
  // `crowdsec -no-cs` that runs beside it.
  const few = join(folder, 'few.log');
  writeFileSync(few, `${readFileSync(path, 'latin1').split('\n', FEW).join('\n')}\n`, 'latin1');
  const crowdsec = cpuMsOf('crowdsec', ['-dsn', `file://${few}`, '-type', 'apache2', '-no-api']);
  process.stdout.write(
    `${LINES.toLocaleString('en')} lines, ${cpus()[0]?.model}, node ${process.version}\n`,
  );
  printTable([
    ['lines a second of processor time', 'median', 'worst'],
    ['reading alone', perSecond(median(reading)), perSecond(Math.max(...reading))],
    [
      'judging: a pass, of two',
      perSecond(median(judging) / 2),
      perSecond(Math.max(...judging) / 2),
    ],
    ['judging: both passes', perSecond(median(judging)), perSecond(Math.max(...judging))],
    ['GoAccess', goaccess === null ? 'not installed' : perSecond(goaccess), '-'],
    [
      'CrowdSec, 10,000 of the lines',
      crowdsec === null ? 'not set up' : Math.round((1_000 * FEW) / crowdsec).toString(),
      '-',
    ],
  ]);
  const { rss } = process.memoryUsage();
  process.stdout.write(`memory of the process: ${Math.round(rss / 1e6)} MB\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
