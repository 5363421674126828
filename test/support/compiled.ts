import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
let building: Promise<string> | undefined;

/** The folder of the compiled package, brought up to date once a test file. */
export function compiledMain(): Promise<string> {
  building ??= promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: checkout }).then(
    () => `${checkout}dist`,
  );
  return building;
}
