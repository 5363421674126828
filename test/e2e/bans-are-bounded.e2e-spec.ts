import { describe, expect, it, onTestFinished } from 'vitest';
import { DetectionService } from '../../src/index.js';
import { bansOf, startBanningHost } from '../support/banning-host.js';
import { eventually } from '../support/eventually.js';
import { ADAPTERS } from '../support/host-app.js';

describe.each(ADAPTERS)('a flood of clients on %s, each of whom probes once', (adapter) => {
  it('is banned as far as the budget goes, by all processes together, and flagged beyond it', async () => {
    const said: string[] = [];
    const other = await startBanningHost(adapter, { stateDir: false });
    onTestFinished(() => other.close());
    // The last one made has the logger of all.
    const host = await startBanningHost(
      adapter,
      { stateDir: false },
      {
        database: other.database,
        configure: (app) =>
          app.useLogger({
            log: () => undefined,
            warn: (message: unknown) => void said.push(String(message)),
            error: () => undefined,
          }),
      },
    );
    onTestFinished(() => host.close());
    const flood = async (where: typeof host, network: number): Promise<void> => {
      for (let from = 0; from < 240; from += 20) {
        await Promise.all(
          Array.from({ length: 20 }, (_, at) =>
            where.send({ path: '/.env', from: `198.18.${network}.${from + at}` }),
          ),
        );
      }
    };
    await Promise.all([flood(host, 1), flood(other, 2)]);
    const findings = () => host.app.get(DetectionService).findings();
    await eventually(async () => (await findings()).length === 480, {
      withinMs: 20_000,
      what: 'all findings',
    });
    await eventually(
      async () => {
        const stored = await bansOf(host);
        // Either has seen some 240 clients, or 480 where both have asked it.
        return stored.length >= 20 && stored.length <= 30;
      },
      { what: 'the bans' },
    );
    const stored = await bansOf(host);
    let refused = 0;
    for (let client = 0; client < 240; client += 1) {
      const { status } = await host.send({ from: `198.18.1.${client}` });
      if (status === 403) refused += 1;
    }
    expect(refused).toBeLessThanOrEqual(stored.length);
    const alarms = said.filter((line) => line.includes('clients have been banned within an hour'));
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms.length).toBeLessThanOrEqual(2);

    // A slow one is found nevertheless, at the threshold of a detector that counts.
    for (let path = 0; path < 10; path += 1) {
      await host.send({ path: `/nothing-${path}`, from: '203.0.113.9' });
    }
    await eventually(
      async () =>
        (await findings()).some(
          ({ subject, detector }) => subject === '203.0.113.9' && detector === 'not-found',
        ),
      { what: 'the slow one' },
    );
  });
});
