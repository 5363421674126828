/**
 * What the module adds to the boot of an app that imports TypeORM and pg already: processor time until its first request
 * has been answered, and what is resident two seconds later, after a collection. In turn; each boot is a process.
 *
 *   npm run bench -- boot [rounds] [express|fastify]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openBenchDatabase } from './support/database.js';
import { median, printTable } from './support/figures.js';
import { leaveProcessorToApp } from './support/server.js';

const ROUNDS = Number(process.argv[2] ?? 7);
const ADAPTERS = process.argv[3] ? [process.argv[3]] : ['express', 'fastify'];
const SCRIPT = fileURLToPath(new URL('./support/booted-app.js', import.meta.url));

interface Boot {
  bootMicros: number;
  residentBytes: number;
}

/** What the app's module is given; without any there is none. */
const VARIANTS: Record<string, object | undefined> = {
  bare: undefined,
  'the module, without places': { geo: false },
  'the whole module': {},
};

async function boot(environment: Record<string, string>): Promise<Boot> {
  const child = spawn('taskset', ['-c', '0', process.execPath, '--expose-gc', SCRIPT], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`The app ended with ${code} before it had booted.`);
    }),
  ])) as [Boot];
  await once(child, 'exit');
  return message;
}

leaveProcessorToApp();
const database = await openBenchDatabase();
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, load ${loadavg()[0]!.toFixed(1)}, ${ROUNDS} rounds\n`,
);
try {
  for (const adapter of ADAPTERS) {
    const boots = new Map(Object.keys(VARIANTS).map((name) => [name, [] as Boot[]]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, options] of Object.entries(VARIANTS)) {
        boots.get(name)!.push(
          await boot({
            BENCH_DATABASE_URL: database.url,
            BENCH_ADAPTER: adapter,
            ...(options && { BENCH_OPTIONS: JSON.stringify(options) }),
          }),
        );
      }
    }
    const bare = boots.get('bare')!;
    const rows = [[adapter, 'ms CPU', 'more', 'worst', 'MB', 'more', 'worst']];
    for (const [name, runs] of boots) {
      const millis = runs.map(({ bootMicros }) => bootMicros / 1_000);
      const megabytes = runs.map(({ residentBytes }) => residentBytes / 2 ** 20);
      const moreMillis = runs.map((run, i) => (run.bootMicros - bare[i]!.bootMicros) / 1_000);
      const moreMegabytes = runs.map(
        (run, i) => (run.residentBytes - bare[i]!.residentBytes) / 2 ** 20,
      );
      const isBare = name === 'bare';
      rows.push([
        name,
        median(millis).toFixed(0),
        isBare ? '' : median(moreMillis).toFixed(0),
        isBare ? '' : Math.max(...moreMillis).toFixed(0),
        median(megabytes).toFixed(0),
        isBare ? '' : median(moreMegabytes).toFixed(1),
        isBare ? '' : Math.max(...moreMegabytes).toFixed(1),
      ]);
    }
    printTable(rows);
    process.stdout.write('\n');
  }
} finally {
  await database.close();
}
