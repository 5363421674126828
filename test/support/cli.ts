import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { compiledMain } from './compiled.js';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command as an operator does. */
export async function runCli(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<CliResult> {
  const main = join(await compiledMain(), 'src/cli/main.js');
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
