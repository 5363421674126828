import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { eventually } from './eventually.js';

const checkout = fileURLToPath(new URL('../..', pathToFileURL(__filename)));
const SOURCES = [
  'src',
  'migrations',
  'demo',
  'scripts',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json',
];
let building: Promise<string> | undefined;

/** The folder of the compiled package, brought up to date once a run. */
export function compiledMain(): Promise<string> {
  building ??= build();
  return building;
}

/** Whichever worker comes first builds it: two at once would take each other's files away. */
async function build(): Promise<string> {
  const turn = join(inject('temporaryFolder'), 'compiled');
  const end = join(turn, 'end');
  if (isFirst(turn)) {
    try {
      if (!isUpToDate()) {
        await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: checkout });
      }
    } finally {
      writeFileSync(end, '');
    }
  } else {
    await eventually(() => existsSync(end), { withinMs: 170_000, what: 'the build' });
  }
  return `${checkout}dist`;
}

function isFirst(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether what a build writes last is younger than what it reads. */
function isUpToDate(): boolean {
  const compiledMs = statSync(join(checkout, 'dist/src/cli/nest-commander.LICENSES.txt'), {
    throwIfNoEntry: false,
  })?.mtimeMs;
  return (
    compiledMs !== undefined && SOURCES.every((name) => newestIn(join(checkout, name)) < compiledMs)
  );
}

function newestIn(path: string): number {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const entries = readdirSync(path).map((name) => newestIn(join(path, name)));
  return Math.max(own.mtimeMs, ...entries);
}
