// Runs the suite on Nest 11 and TypeORM 0.3: the same sources and tests, in a copy of the checkout outside of it, with the
// packages that test/nest11/package-lock.json names.
//   npm run test:nest11                    every test that meets Nest or TypeORM
//   npm run test:nest11 -- --fast          those that show the most
//   npm run test:nest11 -- test/e2e/x      what vitest is to run
//   npm run test:nest11 -- --lock          makes the lockfile anew
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { record, versionsIn } from './record-suite.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const versions = read('test/nest11/versions.json');
const lockfile = join(checkout, 'test/nest11/package-lock.json');
const NOT_COPIED = new Set(['node_modules', 'dist', '.git', '.bench', '.data', 'coverage']);
const ALL = ['src', 'test/e2e', 'test/package'];
/** One file for each thing that leans on how Nest or TypeORM are made. */
const FAST = [
  'every-request-leaves-one-row',
  'filters-of-a-host-win',
  'graphql-passes-the-door',
  'messages-are-limited',
  'messages-pass-the-door',
  'migrations-wait-their-turn',
  'rules-are-live-and-audited',
  'sensitive-routes-are-limited-by-who-asks',
  'without-the-module',
].map((name) => `test/e2e/${name}`);

function read(path) {
  return JSON.parse(readFileSync(join(checkout, path), 'utf8'));
}

/** The checkout's manifest with other versions; npm refuses a lockfile that was made of another one. */
function manifest() {
  const own = read('package.json');
  const devDependencies = { ...own.devDependencies, ...versions };
  return `${JSON.stringify({ ...own, devDependencies }, null, 2)}\n`;
}

function npm(cwd, ...args) {
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function lock(folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), manifest());
  npm(folder, 'install', '--package-lock-only', '--omit-lockfile-registry-resolved');
  copyFileSync(join(folder, 'package-lock.json'), lockfile);
  process.stdout.write('Wrote test/nest11/package-lock.json.\n');
}

function install(folder) {
  const packages = join(folder, 'node_modules');
  if (existsSync(join(packages, '.package-lock.json'))) return;
  rmSync(packages, { recursive: true, force: true });
  npm(folder, 'ci');
}

/** Brings the copy up to date; what was installed there stays. */
function copy(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name !== 'node_modules') rmSync(join(folder, name), { recursive: true, force: true });
  }
  for (const name of readdirSync(checkout)) {
    if (!NOT_COPIED.has(name)) {
      cpSync(join(checkout, name), join(folder, name), { recursive: true });
    }
  }
  writeFileSync(join(folder, 'package.json'), manifest());
  copyFileSync(lockfile, join(folder, 'package-lock.json'));
}

const args = process.argv.slice(2);
const hash = createHash('sha256').update(manifest());
if (existsSync(lockfile)) hash.update(readFileSync(lockfile));
const name = `nestjs-ip-tracking-nest11-${hash.digest('hex').slice(0, 12)}`;
// Outside of the checkout: a package that is missing here must not be found there.
const folder = join(realpathSync(tmpdir()), name);

if (args[0] === '--lock') {
  lock(`${folder}-lock`);
  rmSync(`${folder}-lock`, { recursive: true, force: true });
} else {
  copy(folder);
  install(folder);
  const chosen = args[0] === '--fast' ? [...FAST, ...args.slice(1)] : args.length > 0 ? args : ALL;
  try {
    execFileSync('npx', ['tsc', '--noEmit'], { cwd: folder, stdio: 'inherit' });
    const { stdout, status } = spawnSync('npx', ['vitest', 'run', ...chosen], {
      cwd: folder,
      stdio: ['inherit', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
    });
    process.stdout.write(stdout);
    if (chosen === ALL) record('nest11', stdout, () => versionsIn(folder));
    process.exitCode = status ?? 1;
  } catch (error) {
    process.exitCode = error.status ?? 1;
  }
}
