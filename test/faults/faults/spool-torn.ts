import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { SEGMENT_HEADER } from '../../../src/request-log/spool/spool-frame.js';
import type { Fault } from '../drill.js';
import { drained, expectIdentity, figuresOf } from '../identity.js';
import { segmentsIn, spooled, spooledIds } from '../spooled-ids.js';

/** Bytes at the end of a segment that a tear may reach: several records. */
const TORN_BYTES = 1_000;

/**
 * The process is killed, and what it has spooled is cut off or has a wrong byte: what is not whole any more is lost, and
 * nothing else is.
 */
export const spoolTorn: Fault = {
  name: 'spool torn',
  async run(drill) {
    const server = await drill.server();
    const stateDir = drill.folder();
    let url: string | null = null;
    const load = drill.load(() => url);
    const lost = new Set<string>();
    let torn = 0;
    let answered = 0;
    const times = drill.scaled(2, 10);
    for (let time = 0; time < times; time += 1) {
      await server.stop('fast');
      const app = await drill.app({ databaseUrl: server.url, stateDir });
      url = app.url;
      await sleep(drill.scaled(400, 1_000));
      url = null;
      await load.answered();
      await spooled(stateDir, load.ids.slice(answered));
      answered = load.ids.length;
      await app.end('SIGKILL');
      const before = spooledIds(stateDir);
      tear(stateDir, time % 2 === 0);
      const after = spooledIds(stateDir);
      for (const id of before) if (!after.has(id)) lost.add(id);
      await server.start();
      const next = await drill.app({ databaseUrl: server.url, stateDir });
      const { missing } = await expectIdentity(server.url, [load], [next], { lost: lost.size });
      expect(missing.every((id) => lost.has(id))).toBe(true);
      await drained([next]);
      torn += (await next.stats()).torn;
      await next.end('SIGTERM');
    }
    await load.stop();
    const account = await expectIdentity(server.url, [load], [], { lost: lost.size });
    expect(lost.size).toBeGreaterThan(0);
    expect(torn).toBeLessThanOrEqual(times);
    return { ...figuresOf(account), tears: String(times), torn: String(torn) };
  },
};

/** Cuts the largest segment off near its end, or changes one byte there. */
function tear(stateDir: string, isCut: boolean): void {
  const sizes = segmentsIn(stateDir).map((path) => ({ path, bytes: readFileSync(path) }));
  const { path, bytes } = sizes.sort((a, b) => b.bytes.length - a.bytes.length)[0]!;
  const room = Math.min(TORN_BYTES, bytes.length - SEGMENT_HEADER.length);
  const at = bytes.length - 1 - Math.floor(Math.random() * (room - 1));
  if (isCut) truncateSync(path, at);
  else {
    bytes[at] = bytes[at]! ^ 0x01;
    writeFileSync(path, bytes);
  }
}
