import { describe, expect, it } from 'vitest';
import { idOfLine } from '../record/record-line.js';
import { linesOf } from '../record/line-writer.js';
import { Batch } from '../spool/batch.js';
import type { SpoolPiece, SpoolRange, SpoolSegment } from '../spool/spool-segment.js';
import { lineOf } from '../../../test/support/plain-line.js';
import { range as numbers, recordOf } from '../../../test/support/request-queue.js';
import { Delivery, type DeliveryOptions } from './delivery.js';

const TIMEOUT = Object.assign(new Error('too long'), { code: '57014' });

function deliveryOf(write: (ids: number[]) => Promise<void>, given: Partial<DeliveryOptions> = {}) {
  const lost: number[] = [];
  const delivery = new Delivery({
    write: (lines) => write(Array.from(lines, (line) => Number(idOfLine(line)))),
    onRefused: () => undefined,
    onTorn: () => undefined,
    onLost: (count) => lost.push(count),
    onSettled: () => undefined,
    onRead: () => undefined,
    maySendAdopted: () => true,
    onOutage: () => undefined,
    maxBatchSize: 100,
    maxRetryMs: 1,
    ...given,
  });
  return { delivery, lost };
}

const batch = (from: number, to: number): Batch =>
  new Batch(linesOf(numbers(from, to).map(recordOf)), 0);

/** Records that the spool alone has, or should have. */
function onDisk(ids: readonly number[], records = ids.length): SpoolRange {
  const segment = {
    isForeign: false,
    outstanding: records,
    read: (range: SpoolRange): Promise<SpoolPiece> =>
      Promise.resolve({
        lines: ids.map((id) => lineOf(recordOf(id))),
        torn: 0,
        damaged: [],
        consumed: 1,
        range,
        next: range.end,
      }),
  } as unknown as SpoolSegment;
  return { segment, start: 0, end: 1, records };
}

describe('Delivery', () => {
  it('lets what only the disk has take its turn, however much comes through memory', async () => {
    const writes: number[][] = [];
    const { delivery } = deliveryOf(async (ids) => {
      writes.push(ids);
      // There is always more, until somebody has waited for too long.
      if (writes.length < 20) delivery.add(batch(writes.length * 10, writes.length * 10 + 2));
    });
    delivery.add(batch(0, 2));
    delivery.disk.add(onDisk([900]));
    delivery.disk.add(onDisk([901]));
    await delivery.run();
    const turns = [900, 901].map((id) => writes.findIndex((ids) => ids.includes(id)));
    expect(Math.max(...turns)).toBeLessThan(5);
    expect(Math.min(...turns)).toBeGreaterThanOrEqual(0);
    // Nor does memory wait for all of the disk.
    expect(Math.abs(turns[0]! - turns[1]!)).toBeGreaterThan(1);
  });

  it('asks for less after a time-out, and for more again while writes pass', async () => {
    const sizes: number[] = [];
    const { delivery } = deliveryOf(async (ids) => {
      sizes.push(ids.length);
      if (ids.length > 10) throw TIMEOUT;
    });
    delivery.add(batch(0, 100));
    for (let attempt = 0; attempt < 3; attempt += 1) await delivery.run();
    expect(sizes.slice(0, 3)).toEqual([100, 25, 6]);
    expect(sizes[3]).toBeGreaterThan(6);
    for (let attempt = 0; attempt < 20; attempt += 1) await delivery.run();
    expect(delivery.stored).toBe(100);
  });

  it('asks for as much again after any other failure', async () => {
    const sizes: number[] = [];
    const { delivery } = deliveryOf(async (ids) => {
      sizes.push(ids.length);
      if (sizes.length === 1) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    });
    delivery.add(batch(0, 100));
    await delivery.run();
    await delivery.run();
    expect(sizes).toEqual([100, 100]);
  });

  it('has memory forget what the disk says that it has, and what only the system has where it must', () => {
    const { delivery } = deliveryOf(() => Promise.resolve());
    const [durable, written, nowhere] = [batch(0, 5), batch(5, 10), batch(10, 15)];
    for (const one of [durable, written, nowhere]) delivery.add(one);
    for (const one of [durable, written]) {
      one.segment = onDisk([]).segment;
      one.end = 1;
    }
    durable.isDurable = true;
    delivery.evict(0);
    expect([...delivery.batches]).toEqual([written, nowhere]);
    expect({ memory: delivery.inMemory, disk: delivery.disk.records }).toEqual({
      memory: 10,
      disk: 5,
    });
    delivery.evict(0, true);
    expect([...delivery.batches]).toEqual([nowhere]);
    expect(delivery.disk.records).toBe(10);
  });

  it('forgets nothing that is being sent, or that is stored in part', async () => {
    const writes: { ids: number[]; done: () => void }[] = [];
    const { delivery } = deliveryOf(
      (ids) => new Promise<void>((done) => void writes.push({ ids, done })),
      { maxBatchSize: 4 },
    );
    const [first, second] = [batch(0, 6), batch(6, 8)];
    for (const one of [first, second]) {
      delivery.add(one);
      one.segment = onDisk([]).segment;
      one.end = 1;
      one.isDurable = true;
    }
    delivery.skipDisk();
    const run = delivery.run();
    delivery.evict(0, true);
    expect([...delivery.batches]).toEqual([first]);
    writes[0]!.done();
    await new Promise(setImmediate);
    delivery.evict(0, true);
    expect([...delivery.batches]).toEqual([first]);
    writes[1]!.done();
    await run;
    expect(writes.map(({ ids }) => ids)).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect({ stored: delivery.stored, disk: delivery.disk.records }).toEqual({
      stored: 6,
      disk: 2,
    });
  });

  it('counts as lost what the spool should have had, and does not give', async () => {
    const kept: number[] = [];
    const { delivery, lost } = deliveryOf(async (ids) => void kept.push(...ids));
    delivery.disk.add(onDisk([1, 2, 3], 8));
    await delivery.run();
    expect(kept).toEqual([1, 2, 3]);
    expect({ lost: delivery.disk.lost, told: lost }).toEqual({ lost: 5, told: [5] });
    expect({ disk: delivery.disk.records, stored: delivery.stored }).toEqual({
      disk: 0,
      stored: 3,
    });
  });
});
