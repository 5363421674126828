import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TemporaryFolder {
  readonly path: string;
  /** Stops the servers that still run in it, too. */
  remove(): Promise<void>;
}

/**
 * A folder that is gone when the process is, however that ends: a small shell waits for the pipe from this process to
 * close, stops the servers that run in the folder, and removes it. As root, PostgreSQL's user can enter the folder.
 */
export function temporaryFolder(name: string): TemporaryFolder {
  const path = mkdtempSync(join(openFolder(), `ipt-${name}-`));
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
