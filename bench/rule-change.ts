/**
 * How soon a change of rules is acted on by another process: from the answer to the writer's COMMIT to the follower's
 * first decision by it, with few rules and with a million; and how long the million take to load.
 *
 *   npm run bench -- rule-change [changes] [rules]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { openBenchDatabase } from './support/database.js';
import { median, percentile, printTable } from './support/figures.js';

const CHANGES = Number(process.argv[2] ?? 200);
const MANY = Number(process.argv[3] ?? 1_000_000);

interface Follower {
  child: ChildProcess;
  startedInMs: number;
}

async function startFollower(url: string, stateDir: string): Promise<Follower> {
  const startedAt = performance.now();
  const child = fork(fileURLToPath(new URL('./support/follower.js', import.meta.url)), {
    env: { ...process.env, BENCH_DATABASE_URL: url, BENCH_STATE_DIR: stateDir },
    execArgv: [],
  });
  await once(child, 'message');
  return { child, startedInMs: performance.now() - startedAt };
}

async function measure(client: Client, follower: ChildProcess): Promise<number[]> {
  const delays: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const address = `192.0.${2 + (change >> 8)}.${change & 255}`;
    const expected = 'block';
    follower.send({ address, expected });
    const seen = once(follower, 'message') as Promise<[{ at: number }]>;
    await client.query(`insert into ip_tracking.ip_rule (action, network) values ('block', $1)`, [
      address,
    ]);
    const committedAt = Date.now();
    const [{ at }] = await seen;
    delays.push(Math.max(0, at - committedAt));
  }
  await client.query(`delete from ip_tracking.ip_rule where network << '192.0.0.0/16'`);
  return delays;
}

const database = await openBenchDatabase();
const stateDir = await mkdtemp(join(tmpdir(), 'ipt-bench-state-'));
const client = new Client({ connectionString: database.url });
await client.connect();
process.stdout.write(
  `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${CHANGES} changes one after another\n`,
);
const table = [['rules', 'start of the follower', 'median', 'p99', 'worst']];
for (const count of [10, MANY]) {
  await client.query(`alter table ip_tracking.ip_rule disable trigger user`);
  await client.query(`delete from ip_tracking.ip_rule`);
  await client.query(
    `insert into ip_tracking.ip_rule (action, network)
     select 'block', case when i % 2 = 0
       then set_masklen(('0.0.0.0'::inet + (16777216 + i * 3000::bigint)), 28)::cidr
       else set_masklen('2001:db8::'::inet + (i * 4294967296::bigint), 96)::cidr end
       from generate_series(1, $1::int) as i on conflict do nothing`,
    [count],
  );
  await client.query(`alter table ip_tracking.ip_rule enable trigger user`);
  await client.query(`vacuum analyze ip_tracking.ip_rule`);
  const { child, startedInMs } = await startFollower(database.url, stateDir);
  const delays = await measure(client, child);
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  table.push([
    count.toLocaleString('en'),
    ms(startedInMs),
    ms(median(delays)),
    ms(percentile(delays, 0.99)),
    ms(Math.max(...delays)),
  ]);
  child.send('stop');
  await once(child, 'exit');
}
printTable(table);
await client.end();
await database.close();
await rm(stateDir, { recursive: true, force: true });
