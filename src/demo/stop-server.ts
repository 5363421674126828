import { setTimeout as sleep } from 'node:timers/promises';
import { readPostmaster } from './postmaster-file.js';

/** `fast` ends the connections and writes a checkpoint; `immediate` is a crash, which the next start recovers from. */
export type ShutdownMode = 'fast' | 'immediate';

const POLL_MS = 15;

/** Stops the server `pid` on `pgdata`, each time more firmly, until it is gone. */
export async function stopServer(pgdata: string, pid: number, mode: ShutdownMode): Promise<void> {
  const steps: [NodeJS.Signals, number][] = [
    ...(mode === 'fast' ? [['SIGINT', 15_000] as [NodeJS.Signals, number]] : []),
    ['SIGQUIT', 5_000],
    ['SIGKILL', 2_000],
  ];
  for (const [signal, patienceMs] of steps) {
    if (!signalServer(pid, signal)) return;
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      await sleep(POLL_MS);
      if (await hasStopped(pgdata, pid)) return;
    }
  }
}

/** Sends `signal` and says whether there was anybody to get it. */
export function signalServer(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * By the file, not by the process alone: in a container whose first process reaps nobody, a server that was adopted stays
 * a zombie, and a zombie still takes signals.
 */
async function hasStopped(pgdata: string, pid: number): Promise<boolean> {
  return (await readPostmaster(pgdata))?.pid !== pid || !signalServer(pid, 0);
}
