import { randomBytes } from 'node:crypto';
import { chown, link, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataFolder } from './data-folder.js';
import { DemoError } from '../demo-error.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { runCommand } from './run-command.js';

/** A PostgreSQL data directory, its superuser's password and its log, side by side in a {@link DataFolder}. */
export interface Cluster {
  readonly pgdata: string;
  readonly password: string;
  readonly logFile: string;
}

export async function openCluster(
  folder: DataFolder,
  programs: PostgresBinaries,
): Promise<Cluster> {
  const pgdata = join(folder.path, 'cluster');
  const passwordFile = join(folder.path, 'password');
  const password = await keptPassword(passwordFile, folder);
  if (!(await exists(pgdata))) await initialise(pgdata, passwordFile, folder, programs);
  return { pgdata, password, logFile: join(folder.path, 'server.log') };
}

async function initialise(
  pgdata: string,
  passwordFile: string,
  folder: DataFolder,
  { initdb }: PostgresBinaries,
): Promise<void> {
  // Made under another name and renamed, so that an initdb that was interrupted, or another start at the same time, never
  // leaves half a cluster.
  const unfinished = `${pgdata}-${randomBytes(4).toString('hex')}`;
  try {
    const made = await runCommand(initdb, initdbArguments(unfinished, passwordFile), folder.user);
    if (made.exitCode !== 0) throw initdbFailed(folder.path, made.output, made.spawnError);
    await rename(unfinished, pgdata).catch(async (error) => {
      if (!(await exists(pgdata))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function initdbArguments(pgdata: string, passwordFile: string): string[] {
  return [
    `--pgdata=${pgdata}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Built in, so that text sorts alike on every system and no locale need be installed.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    // The rename below is what makes the cluster exist; a crash of the machine within this second costs a second.
    '--no-sync',
  ];
}

function initdbFailed(path: string, output: string, spawnError?: string): DemoError {
  const lastLine = output
    .trim()
    .split('\n')
    .findLast((line) => /error|fatal/i.test(line));
  return new DemoError(
    /no space left/i.test(output)
      ? `The disk of ${path} is full: make room there (60 MB), or set DATABASE_URL to a PostgreSQL of your own.`
      : `PostgreSQL could not create its data in ${path}: remove what is in the way, or set DATABASE_URL to a PostgreSQL of your own.`,
    lastLine ?? spawnError,
  );
}

/** Whoever comes first writes it: two starts at once must not end with two passwords. */
async function keptPassword(file: string, { user }: DataFolder): Promise<string> {
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known) return known.trim();
  const candidate = `${file}-${randomBytes(4).toString('hex')}`;
  await writeFile(candidate, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
  if (user.ids) await chown(candidate, user.ids.uid, user.ids.gid);
  await link(candidate, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(candidate);
  return (await readFile(file, 'utf8')).trim();
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}
