import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { DemoError } from '../demo-error.js';

/** Whom PostgreSQL runs as. */
export interface PostgresUser {
  readonly name: string;
  /** What to hand to `spawn` and `chown`; absent when it is the user of this process. */
  readonly ids?: { readonly uid: number; readonly gid: number };
}

/**
 * PostgreSQL refuses to run as root. Root therefore hands over to whoever owns the data already, else to the system's
 * `postgres`, else to `nobody`: both exist without a change to the machine.
 */
export async function choosePostgresUser(existingDataDir: string | null): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return { name: ownName() };

  const owner = existingDataDir && (await stat(existingDataDir).catch(() => null));
  if (owner && owner.uid !== 0) {
    return { name: `user ${owner.uid}`, ids: { uid: owner.uid, gid: owner.gid } };
  }
  const user = (await systemUser('postgres')) ?? (await systemUser('nobody'));
  if (user) return user;
  throw new DemoError(
    'PostgreSQL does not run as root and this system has neither a user "postgres" nor "nobody": ' +
      'start as another user, or set DATABASE_URL to a PostgreSQL of your own.',
  );
}

async function systemUser(name: string): Promise<PostgresUser | null> {
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, name])).stdout);
  try {
    return { name, ids: { uid: await id('-u'), gid: await id('-g') } };
  } catch {
    return null;
  }
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that has no name.
    return `user ${process.getuid?.()}`;
  }
}
