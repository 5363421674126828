import { once } from 'node:events';
import { createServer } from 'node:net';

/** The kernel hands out ports from 32,768 on (Linux) or 49,152 on (others) to whoever connects, or listens to any. */
const FIRST = 20_000;
const LAST = 32_000;

/**
 * A free port of 127.0.0.1 for a server that is stopped and started again. Meanwhile nobody is given it by chance: not
 * another server, and not a client that asks this very port whether anybody is there, which would answer itself.
 */
export async function keptPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
}
