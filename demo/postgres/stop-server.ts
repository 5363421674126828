import { setTimeout as sleep } from 'node:timers/promises';
import { readPostmaster } from './postmaster-file.js';

/** `fast` ends the connections and writes a checkpoint; `immediate` is a crash, which the next start recovers from. */
export type ShutdownMode = 'fast' | 'immediate';

const POLL_MS = 15;
const EXIT_WITHIN_MS = 1_000;

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
      if (!signalServer(pid, 0)) return;
      // The file goes a moment before the process. In a container whose first process reaps nobody, a server that was
      // adopted stays a zombie for good, and a zombie still takes signals.
      if ((await readPostmaster(pgdata))?.pid !== pid) return waitForExit(pid);
    }
  }
}

async function waitForExit(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < EXIT_WITHIN_MS && signalServer(pid, 0); waitedMs += POLL_MS) {
    await sleep(POLL_MS);
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
