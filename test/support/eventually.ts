import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `attempt` gives something other than undefined or false; fails with what it said last. */
export async function eventually<T>(
  attempt: () => Promise<T | undefined | false> | T | undefined | false,
  { withinMs = 30_000, what = 'it' } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const result = await attempt();
    if (result !== undefined && result !== false) return result;
    if (performance.now() > deadline) throw new Error(`${what} did not happen in ${withinMs} ms`);
    await sleep(10);
  }
}
