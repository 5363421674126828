import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { keptPort } from '../support/kept-port.js';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program as a user would in that folder, without the checkout's environment. */
export function run(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd, env: { ...shell(), ...env }, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}

/** The same, where nothing else than success will do. */
export async function succeed(...given: Parameters<typeof run>): Promise<Outcome> {
  const outcome = await run(...given);
  if (outcome.exitCode !== 0) {
    const [, program, args] = given;
    throw new Error(
      `${program} ${args.join(' ')} ended with ${outcome.exitCode}:\n${outcome.stdout}${outcome.stderr}`,
    );
  }
  return outcome;
}

function shell(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME, XDG_STATE_HOME: process.env['XDG_STATE_HOME'] ?? '', NO_COLOR: '1' };
}

/** The releases of the Nest CLI that apps are made with. */
const CLI = { 11: '@nestjs/cli@^11.0.13', 12: '@nestjs/cli@^12.0.8' } as const;
export type Nest = keyof typeof CLI;

/** What `nest new` writes, in a folder of that name, with nothing installed yet. */
export async function scaffold(folder: string, name: string, nest: Nest): Promise<string> {
  const words = `new ${name} --package-manager npm --skip-git --skip-install`.split(' ');
  await succeed(folder, 'npx', ['--yes', CLI[nest], ...words]);
  return join(folder, name);
}

/** Installs what `nest new` wrote, and then more, as README says; returns what npm had to say of the latter. */
export async function install(host: string, packages: readonly string[]): Promise<string> {
  const quiet = ['--no-audit', '--no-fund'];
  await succeed(host, 'npm', ['install', ...quiet, '--loglevel=error']);
  const { stdout, stderr } = await succeed(host, 'npm', ['install', ...quiet, ...packages]);
  return `${stdout}${stderr}`;
}

export function write(host: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(host, path)), { recursive: true });
    writeFileSync(join(host, path), text);
  }
}

export interface RunningHost {
  readonly url: string;
  /** What it has printed. */
  output(): string;
  /** As Ctrl-C does; the exit code, or the signal. */
  stop(): Promise<number | string>;
}

/** Starts a compiled host, and waits until it answers. */
export async function start(
  host: string,
  program: readonly string[],
  env: Record<string, string>,
): Promise<RunningHost> {
  const port = await keptPort();
  const [command, ...args] = program;
  const child = spawn(command!, args, {
    cwd: host,
    env: { ...shell(), ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const url = `http://127.0.0.1:${port}`;
  try {
    await eventually(async () => child.exitCode !== null || (await isUp(url)), {
      withinMs: 60_000,
      what: 'an answer',
    });
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${program.join(' ')} does not start:\n${output}`, { cause: error });
  }
  return { url, output: () => output, stop: () => ended(child) };
}

async function isUp(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}

function ended(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) return resolve(child.exitCode);
    child.once('exit', (code, signal) => resolve(code ?? signal!));
    child.kill('SIGINT');
  });
}
