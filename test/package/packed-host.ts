import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', pathToFileURL(__filename)));
export const PACKAGE = 'nestjs-ip-tracking';

/** What a build and a tarball are made of; README and its like may not be there yet. */
const SOURCES = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts',
  'src',
  'migrations',
  'docs',
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  'LICENSE',
];

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without the checkout's environment, and tells how it ended. */
export function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<RunResult> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd, env: { PATH, HOME, ...env }, timeout: 180_000 },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}

/**
 * Builds and packs a copy of the checkout in `folder`: nothing that an earlier build has left in `dist` gets into the
 * tarball, and nobody who works in the checkout is disturbed.
 *
 * @returns the tarball.
 */
export async function pack(folder: string): Promise<string> {
  const copy = join(folder, 'checkout');
  mkdirSync(copy);
  for (const name of SOURCES) {
    if (existsSync(join(ROOT, name)))
      cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const packed = await run(
    'npm',
    ['pack', '--offline', '--loglevel=error', '--pack-destination', folder],
    copy,
  );
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (packed.exitCode !== 0 || tarball === undefined) {
    throw new Error(`npm pack failed:\n${packed.stdout}${packed.stderr}`);
  }
  return join(folder, tarball);
}

export interface HostOptions {
  readonly folder: string;
  readonly tarball: string;
  readonly type: 'module' | 'commonjs';
  /** The packages of the checkout that are not installed here. */
  readonly without?: readonly string[];
}

/**
 * A host with the tarball installed as npm would install it, but from the packages that the checkout has: no registry is
 * asked. It lies outside of the checkout, so that a package it does not have is not found either.
 */
export async function createHost(options: HostOptions): Promise<string> {
  const { folder, tarball, type, without = [] } = options;
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'host', private: true, type }),
  );
  for (const name of installedPackages()) {
    if (without.includes(name)) continue;
    if (name.startsWith('@')) mkdirSync(join(modules, name.split('/')[0]!), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  const installed = join(modules, PACKAGE);
  mkdirSync(installed);
  const { exitCode, stderr } = await run(
    'tar',
    ['-xzf', tarball, '--strip-components=1', '-C', installed],
    folder,
  );
  if (exitCode !== 0) throw new Error(`The tarball cannot be unpacked: ${stderr}`);
  linkPrograms(installed, join(modules, '.bin'));
  return folder;
}

function installedPackages(): string[] {
  const modules = join(ROOT, 'node_modules');
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.') && name !== PACKAGE)
    .filter((name) => lstatSync(join(modules, name)).isDirectory())
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(modules, name)).map((scoped) => `${name}/${scoped}`)
        : [name],
    );
}

/** As npm does: a link in .bin to the file, which becomes executable. */
function linkPrograms(installed: string, bin: string): void {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  for (const [name, file] of Object.entries(manifest.bin)) {
    chmodSync(join(installed, file), 0o755);
    symlinkSync(join(installed, file), join(bin, name));
  }
}
