import { Controller, Get } from '@nestjs/common';
import { expect, it, onTestFinished } from 'vitest';
import { segmentsIn, spooledIds } from '../faults/spooled-ids.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS, startHost } from '../support/host-app.js';
import { RawSocket } from '../support/raw-socket.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const WRITE_INTERVAL_MS = 50;

/** Two requests are at the server in one turn of its loop: the first holds that up, the second looks. */
let asked = 0;
let isOneTurn = true;
let seen: Set<string> | null = null;
let release: () => void = () => undefined;
let stateDir = '';

@Controller()
class Routes {
  @Get('log/:id')
  logged(): string {
    return 'ok';
  }

  @Get('hold')
  async hold(): Promise<string> {
    asked += 1;
    if (asked === 1) setImmediate(() => (isOneTurn = false));
    else if (isOneTurn) seen = spooledIds(stateDir);
    const until = performance.now() + 4 * WRITE_INTERVAL_MS;
    while (performance.now() < until);
    // Neither is over before both are: what ends is stored by that alone.
    if (asked === 2) release();
    else await new Promise<void>((resolve) => (release = resolve));
    return 'held';
  }
}

it.each(ADAPTERS)(
  'whoever comes to an app on %s finds what was to be in the spool by then there, though no timer ran',
  async (adapter) => {
    const folder = temporaryFolder('late');
    onTestFinished(() => folder.remove());
    stateDir = folder.path;
    const host = await startHost({
      adapter,
      controllers: [Routes],
      options: {
        stateDir,
        rateLimits: false,
        detection: false,
        // So that nothing but the spool has them meanwhile.
        requestLog: {
          tuning: { flushIntervalMs: 60_000 },
          spool: {
            writeIntervalMs: WRITE_INTERVAL_MS,
            syncIntervalMs: 10_000,
            adoptAfterMs: 60_000,
          },
        },
      },
    });
    onTestFinished(() => host.close());
    await eventually(() => segmentsIn(stateDir).length >= 2, { what: 'opening of segments' });
    // Where the two requests come in different turns, a timer may have run between them: again then.
    let inOneTurn = 0;
    for (let attempt = 1; inOneTurn < 5; attempt += 1) {
      expect(attempt, 'attempts at two requests in one turn').toBeLessThan(100);
      asked = 0;
      isOneTurn = true;
      seen = null;
      const sockets = await Promise.all([RawSocket.toUrl(host.url), RawSocket.toUrl(host.url)]);
      await sockets[0].write(`GET /log/first-${attempt} HTTP/1.1`, 'Host: x').until(/ok/);
      for (const socket of sockets) {
        socket.write('GET /hold HTTP/1.1', 'Host: x', 'Connection: close');
      }
      for (const socket of sockets) await socket.untilClosed();
      if (seen === null) continue;
      inOneTurn += 1;
      expect([...seen]).toContain(`first-${attempt}`);
    }
  },
);
