// Mutants that were chosen to hurt, as patches in test/mutants/hurting: each is applied to a throwaway copy of the
// checkout, the tests that it names are run there, and one of them has to fail.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const NOT_COPIED = new Set([
  'node_modules',
  'dist',
  '.git',
  '.bench',
  '.data',
  'coverage',
  '.stryker-tmp',
]);
const LONGEST_MS = 300_000;

/** The patches whose names have one of these texts in them, or all. */
export function readMutants(checkout, names = []) {
  const folder = join(checkout, 'test/mutants/hurting');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.patch'))
    .map((file) => parseMutant(file.slice(0, -'.patch'.length), join(folder, file)))
    .filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
}

function parseMutant(name, path) {
  const head = readFileSync(path, 'utf8').split('\n--- ', 1)[0];
  const lines = (key) =>
    [...head.matchAll(new RegExp(`^${key}: (.+)$`, 'gm'))].map(([, value]) => value);
  const [hurts] = lines('Hurts');
  const specs = lines('Tests');
  if (hurts === undefined || specs.length === 0) {
    throw new Error(`${path} does not say what it Hurts, or has no Tests`);
  }
  return { name, path, hurts, specs };
}

/** Runs them one after another. Gives how many are alive, or cannot be judged. */
export async function judgeMutants(checkout, mutants, { isTrusted = false, say = print } = {}) {
  const copy = copyOf(checkout);
  const stop = () => {
    rmSync(copy, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const stale = mutants.filter((mutant) => !applies(copy, mutant, ['--check']));
    for (const { name } of stale) say(`does not apply any more   ${name}`);
    if (stale.length > 0) return stale.length;
    if (!isTrusted && !(await isGreen(copy, mutants, say))) return mutants.length;
    let alive = 0;
    for (const mutant of mutants) {
      const startedAt = performance.now();
      if (!applies(copy, mutant)) throw new Error(`${mutant.name} does not apply`);
      const { state, by } = await judge(copy, mutant.specs);
      applies(copy, mutant, ['--reverse']);
      if (state !== 'killed') alive += 1;
      const seconds = Math.round((performance.now() - startedAt) / 1_000);
      say(`${state}   ${mutant.name}   ${seconds} s${by === null ? '' : `   by ${by}`}`);
      if (state !== 'killed') say(`        ${mutant.hurts}`);
    }
    say(`${mutants.length - alive} of ${mutants.length} are killed`);
    return alive;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Outside of the checkout, so that nothing is found there that is missing here. */
function copyOf(checkout) {
  const copy = mkdtempSync(join(realpathSync(tmpdir()), 'ipt-mutants-'));
  for (const name of readdirSync(checkout)) {
    if (!NOT_COPIED.has(name)) cpSync(join(checkout, name), join(copy, name), { recursive: true });
  }
  symlinkSync(realpathSync(join(checkout, 'node_modules')), join(copy, 'node_modules'));
  return copy;
}

function applies(copy, { path }, options = []) {
  try {
    execFileSync('git', ['apply', ...options, path], {
      cwd: copy,
      // git must not take the copy for a part of a repository that it may lie in.
      env: { ...process.env, GIT_CEILING_DIRECTORIES: dirname(copy), GIT_DIR: '/dev/null' },
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** A test that fails anyway kills nobody. */
async function isGreen(copy, mutants, say) {
  const specs = [...new Set(mutants.flatMap((mutant) => mutant.specs))].sort();
  say(`${mutants.length} mutants, ${specs.length} test files: first as they are`);
  const { state, by } = await judge(copy, specs, 4 * LONGEST_MS);
  if (state !== 'alive') say(`without any mutant the tests fail: ${by}`);
  return state === 'alive';
}

async function judge(copy, specs, longestMs = LONGEST_MS) {
  const isUnit = specs.every((spec) => spec.startsWith('src/'));
  const config = isUnit ? 'vitest.unit.config.mts' : 'vitest.config.mts';
  const { code, text } = await run(
    copy,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', config, '--bail', '1', ...specs],
    longestMs,
  );
  if (code === null) return { state: 'killed', by: 'taking for ever' };
  const [, passed, failed] = /(\d+) passed, (\d+) failed, \d+ skipped\s*$/.exec(text) ?? [];
  if (passed === undefined) throw new Error(`the tests did not come to their end:\n${text}`);
  if (code === 0 && Number(passed) > 0) return { state: 'alive', by: null };
  // eslint-disable-next-line no-control-regex
  const plain = text.replaceAll(/\u001B\[[\d;]*m/g, '');
  const by = /^\s*FAIL\s+(.+)$/m.exec(plain)?.[1] ?? `${failed} failed`;
  return { state: 'killed', by };
}

/** Gives null for the code of what had to be ended. */
function run(cwd, args, longestMs) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      // As a group of its own, so that workers end with it.
      detached: true,
      env: { SEED: '1', ...process.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const parts = [];
    let hasHung = false;
    const timer = setTimeout(() => {
      hasHung = true;
      process.kill(-Number(child.pid), 'SIGKILL');
    }, longestMs);
    child.stdout.on('data', (part) => parts.push(part));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: hasHung ? null : code, text: Buffer.concat(parts).toString() });
    });
  });
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
