// Runs the suite on PostgreSQL 15, as Debian 12 has it: npm run test:postgres15 [-- what vitest is to run]
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { record, versionsIn } from './record-suite.mjs';

const BIN = process.env.POSTGRES15 ?? '/usr/lib/postgresql/15/bin';
const checkout = fileURLToPath(new URL('..', import.meta.url));

if (!existsSync(join(BIN, 'initdb'))) {
  process.stderr.write(
    `There is no PostgreSQL 15 in ${BIN}: install it (apt-get install postgresql-15), or set POSTGRES15 to the folder of its programs.\n`,
  );
  process.exit(1);
}
// In memory where there is any: the tests make and drop hundreds of databases.
const parent = existsSync('/dev/shm') ? '/dev/shm' : realpathSync(tmpdir());
const folder = mkdtempSync(join(parent, 'ipt-postgres15-'));
const data = join(folder, 'data');
// PostgreSQL does not run as root.
const isRoot = process.getuid() === 0;
if (isRoot) execFileSync('chown', ['postgres', folder]);
chmodSync(folder, 0o711);
const asOwner = (program, ...args) =>
  isRoot
    ? execFileSync('runuser', ['-u', 'postgres', '--', join(BIN, program), ...args], { cwd: '/' })
    : execFileSync(join(BIN, program), args);

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address();
    probe.close(() => resolve(free));
  });
});
asOwner('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C');
const settings = `-p ${port} -k ${folder} -h 127.0.0.1 -c fsync=off -c max_connections=300`;
try {
  asOwner('pg_ctl', '-D', data, '-w', '-o', settings, '-l', join(folder, 'log'), 'start');
  const args = process.argv.slice(2);
  const { stdout, status } = spawnSync('npx', ['vitest', 'run', ...args], {
    cwd: checkout,
    env: {
      ...process.env,
      TEST_DATABASE_URL: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    },
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  process.stdout.write(stdout);
  const postgres = /\d+\.\d+/.exec(execFileSync(join(BIN, 'postgres'), ['--version']).toString());
  if (args.length === 0) record('postgres15', stdout, () => versionsIn(checkout, postgres[0]));
  process.exitCode = status ?? 1;
} finally {
  spawnSync(
    isRoot ? 'runuser' : join(BIN, 'pg_ctl'),
    [
      ...(isRoot ? ['-u', 'postgres', '--', join(BIN, 'pg_ctl')] : []),
      '-D',
      data,
      '-m',
      'immediate',
      'stop',
    ],
    { cwd: '/' },
  );
  rmSync(folder, { recursive: true, force: true });
}
