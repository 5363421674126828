import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { RuleFile } from './rule-file.js';
import type { RuleRow } from './rule-table.js';

const ROWS: RuleRow[] = [
  { id: 1, action: 'allow', network: '203.0.113.9/32', expiresAtMs: null },
  { id: 2, action: 'block', network: '203.0.113.0/24', expiresAtMs: null },
  { id: 3, action: 'block', network: '2001:db8::/32', expiresAtMs: 1_000.5 },
];

describe('RuleFile', () => {
  let folder: string;
  let file: RuleFile;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipt-rules-'));
    file = new RuleFile(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = async (rows: RuleRow[], version: number) => {
    const writer = await file.begin();
    await writer.rows(rows.slice(0, 1));
    await writer.rows(rows.slice(1));
    await writer.finish(version);
  };
  const match = async (address: string, nowMs = 0) =>
    (await file.read()).match(parseIp(address)!, nowMs);

  it('gives back what was written', async () => {
    await write(ROWS, 7);
    const snapshot = await file.read();
    expect({ version: snapshot.version, size: snapshot.size }).toEqual({ version: 7, size: 3 });
    expect(await match('203.0.113.9')).toEqual({ allow: 1, block: 2, monitor: null });
    expect((await match('2001:db8::1', 1_000)).block).toBe(3);
    expect((await match('2001:db8::1', 1_001)).block).toBeNull();
  });

  it('gives back no rules where there were none', async () => {
    await write([], 0);
    expect((await file.read()).size).toBe(0);
  });

  it('adds what has changed since, if it belongs to the same version', async () => {
    await write(ROWS, 7);
    const change = {
      ruleId: 4,
      now: { ...ROWS[0]!, id: 4, action: 'block' as const, network: '192.0.2.1/32' },
    };
    await file.writeChanges({ base: 7, version: 9, changes: [change, { ruleId: 2, now: null }] });
    expect((await file.read()).version).toBe(9);
    expect((await match('192.0.2.1')).block).toBe(4);
    expect((await match('203.0.113.1')).block).toBeNull();
    await write(ROWS, 10);
    expect((await file.read()).version).toBe(10);
    expect((await match('192.0.2.1')).block).toBeNull();
  });

  it('keeps the last file until the next is whole', async () => {
    await write(ROWS, 7);
    const writer = await file.begin();
    await writer.rows([{ ...ROWS[0]!, id: 9 }]);
    await writer.abandon();
    expect((await file.read()).version).toBe(7);
  });

  it('is not read where it is torn at any byte, or any byte is another', async () => {
    await write(ROWS, 7);
    const path = join(folder, 'rules.txt');
    const whole = await readFile(path);
    for (let length = 0; length < whole.length - 1; length += 1) {
      await writeFile(path, whole);
      await truncate(path, length);
      await expect(file.read()).rejects.toThrow();
    }
    for (let at = 0; at < whole.length - 1; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 0x01;
      await writeFile(path, flipped);
      await expect(file.read()).rejects.toThrow();
    }
  });

  it('is readable by its owner alone', async () => {
    await write(ROWS, 7);
    const { stat } = await import('node:fs/promises');
    expect((await stat(join(folder, 'rules.txt'))).mode & 0o077).toBe(0);
  });
});
