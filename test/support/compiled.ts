import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const checkout = fileURLToPath(new URL('../..', pathToFileURL(__filename)));
const SOURCES = [
  'src',
  'migrations',
  'demo',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
];
let building: Promise<string> | undefined;

/** The folder of the compiled package, brought up to date once a test file. */
export function compiledMain(): Promise<string> {
  building ??= build();
  return building;
}

async function build(): Promise<string> {
  if (!isUpToDate()) await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: checkout });
  return `${checkout}dist`;
}

/** Whether the compiler's last words, written when all else was, are younger than what it reads. */
function isUpToDate(): boolean {
  const compiledMs = statSync(join(checkout, 'dist/.tsbuildinfo'), {
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
