import {
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { RuleFile, type RulesOnDisk } from './rule-file.js';
import type { RuleRow } from './rule-table.js';

const ROWS: RuleRow[] = [
  { id: 1, action: 'allow', network: '203.0.113.9/32', expiresAtMs: null },
  { id: 2, action: 'block', network: '203.0.113.0/24', expiresAtMs: null },
  { id: 3, action: 'block', network: '2001:db8::/32', expiresAtMs: 1_000.5 },
];

const change = (id: number, network: string) => ({
  ruleId: id,
  now: { id, action: 'block' as const, network, expiresAtMs: null },
});

describe('RuleFile', () => {
  let folder: string;
  let writable: string | null;
  let file: RuleFile;
  let written: number;

  const open = () =>
    new RuleFile({
      readable: () => Promise.resolve(folder),
      writable: () => Promise.resolve(writable),
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ipt-rules-'));
    writable = folder;
    file = open();
    written = 0;
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Each load a second after the one before, by the files' own times. */
  const write = async (rows: RuleRow[], version: number, by = file) => {
    const writer = await by.begin();
    await writer?.rows(rows.slice(0, 1));
    await writer?.rows(rows.slice(1));
    const before = await readdir(folder);
    await writer?.finish(version);
    const name = (await readdir(folder)).find(
      (entry) => !before.includes(entry) && entry.startsWith('rules-'),
    );
    written += 1;
    const at = new Date(Date.now() - 100_000 + written * 1_000);
    await utimes(join(folder, name!), at, at);
    return join(folder, name!);
  };
  const read = async (): Promise<RulesOnDisk> => {
    const found = await file.read();
    expect(found).not.toBeNull();
    return found!;
  };
  const match = async (address: string, nowMs = 0) =>
    (await read()).snapshot.match(parseIp(address)!, nowMs);

  it('gives back what was written', async () => {
    await write(ROWS, 7);
    const { snapshot, damage } = await read();
    expect([snapshot.version, snapshot.size, damage]).toEqual([7, 3, null]);
    expect(await match('203.0.113.9')).toEqual({ allow: 1, block: 2, limit: null, monitor: null });
    expect((await match('2001:db8::1', 1_000)).block).toBe(3);
    expect((await match('2001:db8::1', 1_001)).block).toBeNull();
  });

  it('gives back no rules where there were none, and nothing where nothing was ever written', async () => {
    expect(await file.read()).toBeNull();
    await write([], 0);
    expect((await read()).snapshot.size).toBe(0);
  });

  it('adds what has changed since', async () => {
    await write(ROWS, 7);
    await file.writeChanges({
      base: 7,
      version: 9,
      changes: [change(4, '192.0.2.1/32'), { ruleId: 2, now: null }],
    });
    expect((await read()).snapshot.version).toBe(9);
    expect((await match('192.0.2.1')).block).toBe(4);
    expect((await match('203.0.113.1')).block).toBeNull();
    await write(ROWS, 10);
    expect((await read()).snapshot.version).toBe(9);
  });

  it('keeps the changes of two processes that have loaded at different times apart', async () => {
    const other = open();
    await write(ROWS, 7);
    await write(ROWS, 9, other);
    await other.writeChanges({ base: 9, version: 10, changes: [change(4, '192.0.2.1/32')] });
    await file.writeChanges({ base: 7, version: 10, changes: [change(4, '192.0.2.1/32')] });
    expect((await read()).snapshot.version).toBe(10);
    expect((await match('192.0.2.1')).block).toBe(4);
  });

  it('keeps the last load until the next is whole', async () => {
    await write(ROWS, 7);
    const writer = await file.begin();
    await writer?.rows([{ ...ROWS[0]!, id: 9 }]);
    await writer?.abandon();
    expect((await read()).snapshot.version).toBe(7);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('is not read where it is torn at any byte, or any byte is another', async () => {
    const path = await write(ROWS, 7);
    const whole = await readFile(path);
    for (let length = 0; length < whole.length - 1; length += 1) {
      await writeFile(path, whole);
      await truncate(path, length);
      await expect(file.read()).rejects.toThrow(/rules-7-\w+\.txt is/);
    }
    for (let at = 0; at < whole.length - 1; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 0x01;
      await writeFile(path, flipped);
      await expect(file.read()).rejects.toThrow(/rules-7-\w+\.txt is/);
    }
  });

  it('falls back on the load before where the last is damaged, and says so', async () => {
    await write(ROWS.slice(0, 2), 6);
    const last = await write(ROWS, 7);
    await truncate(last, 40);
    const { snapshot, damage } = await read();
    expect([snapshot.version, snapshot.size]).toEqual([6, 2]);
    expect(damage).toMatch(/^rules-7-\w+\.txt is not whole$/);
  });

  it('gives the load without its changes where those alone are damaged, and says so', async () => {
    await write(ROWS.slice(0, 2), 6);
    await write(ROWS, 7);
    await file.writeChanges({ base: 7, version: 8, changes: [change(4, '192.0.2.1/32')] });
    const changes = (await readdir(folder)).find((name) => name.endsWith('.json'))!;
    await truncate(join(folder, changes), 20);
    const { snapshot, damage } = await read();
    expect(snapshot.version).toBe(7);
    expect(damage).toMatch(/changes.json is not whole, so what has changed after version 7 /);
  });

  it('keeps the last two loads, and nothing that nobody has finished', async () => {
    await writeFile(join(folder, 'unfinished-abcdef'), 'x');
    await utimes(join(folder, 'unfinished-abcdef'), 0, 0);
    for (const version of [5, 6, 7]) await write(ROWS, version);
    const names = await readdir(folder);
    expect(names.map((name) => name.slice(0, 7)).toSorted()).toEqual(['rules-6', 'rules-7']);
  });

  it('writes nothing while nobody knows whose the rules are, and no changes to another place', async () => {
    writable = null;
    expect(await file.begin()).toBeNull();
    writable = folder;
    await write(ROWS, 7);
    writable = await mkdtemp(join(folder, 'another-'));
    await file.writeChanges({ base: 7, version: 8, changes: [] });
    expect(await readdir(writable)).toEqual([]);
  });

  it('is readable by its owner alone', async () => {
    expect((await stat(await write(ROWS, 7))).mode & 0o077).toBe(0);
  });
});
