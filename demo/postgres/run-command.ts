import { spawn } from 'node:child_process';
import { serverEnvironment } from './postgres-environment.js';
import type { PostgresUser } from './postgres-user.js';

export interface CommandResult {
  /** `null` when the command could not be started or was ended by a signal. */
  readonly exitCode: number | null;
  /** Standard output and standard error, in the order they came. */
  readonly output: string;
  /** The system's code (`ENOENT`, `EACCES`, `EPERM`) when it could not be started. */
  readonly spawnError?: string;
}

/** Runs a short command as `user` and never rejects: what happened is in the answer. */
export function runCommand(
  command: string,
  args: readonly string[],
  user: PostgresUser,
  timeoutMs = 60_000,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const couldNotStart = (error: NodeJS.ErrnoException) =>
      resolve({ exitCode: null, output: '', spawnError: error.code ?? error.message });
    try {
      const child = spawn(command, args, {
        ...user.ids,
        // The caller's folder may be one that `user` cannot enter.
        cwd: '/',
        env: serverEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
      });
      let output = '';
      const collect = (chunk: Buffer) => (output += chunk.toString('utf8'));
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      child.once('error', couldNotStart);
      child.once('close', (exitCode) => resolve({ exitCode, output }));
    } catch (error) {
      // Some reasons are thrown, others emitted.
      couldNotStart(error as NodeJS.ErrnoException);
    }
  });
}
