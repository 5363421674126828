import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a running server writes into its data directory, and removes as the last thing it does. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** Reads `postmaster.pid` (pid, data directory, start, port, socket, address, shared memory, status: a line each). */
export async function readPostmaster(pgdata: string): Promise<Postmaster | null> {
  const file = await readFile(join(pgdata, 'postmaster.pid'), 'utf8').catch(() => null);
  if (file === null) return null;
  const lines = file.split('\n');
  return {
    pid: Number(lines[0]),
    port: Number(lines[3]),
    isReady: lines[7]?.trim() === 'ready',
  };
}
