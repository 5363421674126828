import { describe, expect, it } from 'vitest';
import type { LimitReset } from './limit-reset.repository.js';
import { LimitResets } from './limit-resets.js';

class Table {
  rows: LimitReset[] = [];
  reads = 0;
  isDown = false;

  request = (client: string, name: string | null) => {
    const id = (this.rows.at(-1)?.id ?? 0) + 1;
    this.rows.push({ id, client, name });
    return Promise.resolve({ id, processes: 2 });
  };
  /** Of each row, how long ago it was asked for. */
  ages = new Map<number, number>();
  lastBefore = (ageMs: number) =>
    Promise.resolve(
      Math.max(
        0,
        ...this.rows.map(({ id }) => id).filter((id) => (this.ages.get(id) ?? 0) > ageMs),
      ),
    );
  after = (id: number) => {
    this.reads += 1;
    return this.isDown
      ? Promise.reject(new Error('gone'))
      : Promise.resolve(this.rows.filter((row) => row.id > id));
  };
}

async function start(afterMs = 0): Promise<{ table: Table; resets: LimitResets; done: string[] }> {
  const table = new Table();
  table.ages.set((await table.request('before', null)).id, 60_000);
  let nowMs = 0;
  const done: string[] = [];
  const resets = new LimitResets(
    table,
    (client, name) => {
      done.push(name === null ? client : `${client} ${name}`);
      return Promise.resolve();
    },
    () => nowMs,
  );
  nowMs = afterMs;
  if (afterMs > 0) table.ages.set((await table.request('while it began', null)).id, afterMs / 2);
  await resets.follow();
  return { table, resets, done };
}

describe('LimitResets', () => {
  it('does what was asked for since the process began, once each', async () => {
    const { table, resets, done } = await start();
    await table.request('a', null);
    await table.request('b', 'login');
    await resets.follow();
    await resets.follow();
    expect(done).toEqual(['a', 'b login']);
  });

  it('does what was asked for between its start and its first look', async () => {
    expect((await start(5_000)).done).toEqual(['while it began']);
  });

  it('does nothing for a notification without a row: anybody may send one', async () => {
    const { resets, done } = await start();
    for (let time = 0; time < 10; time += 1) resets.handlers.onNotification();
    await resets.follow();
    expect(done).toEqual([]);
  });

  it('reads once for many notifications that come together', async () => {
    const { table, resets, done } = await start();
    await table.request('a', null);
    for (let time = 0; time < 1_000; time += 1) resets.handlers.onNotification();
    await resets.follow();
    await new Promise(setImmediate);
    // One when it began, one for the first, one for all that came while that was under way.
    expect(table.reads).toBeLessThanOrEqual(3);
    expect(done).toEqual(['a']);
  });

  it('does not do again what it has asked for itself', async () => {
    const { resets, done } = await start();
    expect(await resets.request('a', null)).toBe(2);
    await resets.follow();
    expect(done).toEqual([]);
  });

  it('finds a row that appears after a later one', async () => {
    const { table, resets, done } = await start();
    table.rows.push({ id: 7, client: 'late to begin', name: null });
    await resets.follow();
    table.rows.splice(1, 0, { id: 6, client: 'late to commit', name: null });
    await resets.follow();
    expect(done).toEqual(['late to begin', 'late to commit']);
  });

  it('makes up for what it could not read', async () => {
    const { table, resets, done } = await start();
    table.isDown = true;
    await table.request('a', null);
    await resets.follow();
    table.isDown = false;
    resets.handlers.onListening();
    await resets.follow();
    expect(done).toEqual(['a']);
  });
});
