import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  constants,
  mkdtempSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TemporaryFolder {
  readonly path: string;
  /** Stops the servers that still run in it, too. */
  remove(): Promise<void>;
}

const MEMORY = '/dev/shm';
/** A run's databases take some hundred megabytes at once. */
const MEMORY_BYTES = 2 * 1024 ** 3;

/**
 * A folder that is gone when the process is, however that ends: a small shell waits for the pipe from this process to
 * close, stops the servers that run in the folder, and removes it. As root, PostgreSQL's user can enter the folder.
 *
 * @param options.inMemory in memory where there is room, for a server that makes and drops many databases: ext4 has to
 * pass by every file of the last seconds to find a place for a new one, which took two thirds of a run's processor time.
 */
export function temporaryFolder(name: string, { inMemory = false } = {}): TemporaryFolder {
  const path = mkdtempSync(
    join((inMemory ? roomInMemory() : null) ?? openFolder(), `ipt-${name}-`),
  );
  chmodSync(path, 0o711);
  const reaper = spawn('/bin/sh', ['-c', REAP, 'reaper', path], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = once(reaper, 'close');
  reaper.unref();
  (reaper.stdin as unknown as { unref(): void }).unref();
  return {
    path,
    remove: async () => {
      // Whoever removes it waits for that, though nothing else may be left to wait for.
      reaper.ref();
      reaper.stdin.end();
      await ended;
    },
  };
}

/** Where temporary files go: not into a private TMPDIR as root, whom PostgreSQL does not run as. */
function openFolder(): string {
  const own = realpathSync(tmpdir());
  return process.getuid?.() !== 0 || canAllEnter(own) ? own : '/tmp';
}

function roomInMemory(): string | null {
  try {
    accessSync(MEMORY, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return canAllEnter(MEMORY) && bavail * bsize > MEMORY_BYTES ? MEMORY : null;
  } catch {
    return null;
  }
}

function canAllEnter(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || canAllEnter(parent));
}

/** `rm` goes again where a server wrote its last while it was at it. */
const REAP = `
read -r _
find "$1" -name postmaster.pid 2>/dev/null | while read -r file; do
  kill -QUIT "$(head -n 1 "$file")"
done
[ -f "$1/redis.pid" ] && kill -KILL "$(cat "$1/redis.pid")"
for attempt in 1 2 3 4 5; do
  rm -rf "$1" && exit
  sleep 1
done
`;
