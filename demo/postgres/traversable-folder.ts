import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { DemoError } from '../demo-error.js';
import type { PostgresUser } from './postgres-user.js';
import { runCommand } from './run-command.js';

/** Folders that outlive a reboot come first; a private TMPDIR would be no help. */
const ROOTS = ['/var/tmp', '/tmp'];

/** Whether `user` can enter `folder`: tried by that user, because modes alone do not tell (ACLs, mounts, namespaces). */
export async function canEnter(folder: string, user: PostgresUser): Promise<boolean> {
  const tried = await runCommand('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], user);
  if (tried.spawnError) {
    throw new DemoError(
      `This process may not start programs as ${user.name} (${tried.spawnError}): start as another user than root, ` +
        'or set DATABASE_URL to a PostgreSQL of your own.',
    );
  }
  return tried.exitCode === 0;
}

/**
 * A folder that `user` can enter, to stand in for `privateFolder`, which it cannot. The same one each time, unless
 * somebody else holds its name: these places are open to everyone, and what lies there is run.
 */
export async function traversableFolder(
  privateFolder: string,
  user: PostgresUser,
): Promise<string> {
  const hash = createHash('sha256').update(privateFolder).digest('hex').slice(0, 12);
  for (const root of ROOTS) {
    if (!(await canEnter(root, user))) continue;
    const folder = await claim(join(root, `nestjs-ip-tracking-${hash}`));
    if (folder && (await canEnter(folder, user))) return folder;
  }
  throw new DemoError(
    `PostgreSQL runs as ${user.name}, who can enter neither ${privateFolder} nor ${ROOTS.join(' nor ')}: ` +
      'move the checkout to a folder that everyone can enter, or set DATABASE_URL to a PostgreSQL of your own.',
  );
}

async function claim(wanted: string): Promise<string | null> {
  try {
    await mkdir(wanted).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const found = await lstat(wanted);
    const isOurs = found.isDirectory() && found.uid === process.getuid?.() && !(found.mode & 0o022);
    const folder = isOurs ? wanted : await mkdtemp(`${wanted}-`);
    await chmod(folder, 0o711);
    return folder;
  } catch {
    return null;
  }
}
