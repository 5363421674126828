import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DemoError } from './demo-error.js';

/** What a running demo leaves in the checkout, so that a second shell finds it without being told. */
export interface DemoState {
  /** With the password: the file is for its owner's eyes. */
  readonly databaseUrl: string;
  readonly baseUrl: string;
  readonly pid: number;
}

/** The checkout's own folder for what it keeps between runs, ignored by git; `IP_TRACKING_DEMO_DATA` names another. */
export function dataFolderOf(checkout: string): string {
  return process.env['IP_TRACKING_DEMO_DATA'] || join(checkout, '.data');
}

function stateFileOf(checkout: string): string {
  return join(dataFolderOf(checkout), 'demo.json');
}

/** Written beside and renamed: a reader never sees half of it. Synchronous, so that the exit of a process can undo it. */
export function writeDemoState(checkout: string, state: DemoState): void {
  const file = stateFileOf(checkout);
  const unfinished = `${file}-${state.pid}`;
  try {
    mkdirSync(dataFolderOf(checkout), { recursive: true });
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    chmodSync(unfinished, 0o600);
    renameSync(unfinished, file);
  } catch (error) {
    throw new DemoError(
      `${file} cannot be written (${(error as NodeJS.ErrnoException).code}): make the checkout's .data folder ` +
        'writable for this user.',
      undefined,
      { cause: error },
    );
  }
}

/** Removes the state, unless another demo has put its own there since. */
export function removeDemoState(checkout: string, pid: number): void {
  try {
    if (readDemoState(checkout)?.pid === pid) rmSync(stateFileOf(checkout), { force: true });
  } catch {
    // It says who runs and nothing else: what is left behind is seen to be stale.
  }
}

/** The demo that runs from this checkout, or `null`. */
export function runningDemo(checkout: string): DemoState | null {
  const state = readDemoState(checkout);
  return state && isAlive(state.pid) ? state : null;
}

function readDemoState(checkout: string): DemoState | null {
  try {
    return JSON.parse(readFileSync(stateFileOf(checkout), 'utf8')) as DemoState;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
