import { describe, expect, it } from 'vitest';
import { CellArena, MemoryBudget, NONE } from './cell-arena.js';

const PAGE_CELLS = 16_384;
const PAGE_BYTES = PAGE_CELLS * 16;

describe('MemoryBudget', () => {
  it('gives all that there is, and no byte more', () => {
    const budget = new MemoryBudget(10);
    expect([budget.takes(6), budget.takes(5), budget.takes(4), budget.takes(1)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(budget.used).toBe(10);
  });
});

describe('CellArena', () => {
  it('keeps a time, a value and what comes next, over several pages', () => {
    const budget = new MemoryBudget(3 * PAGE_BYTES);
    const arena = new CellArena(budget);
    const cells = Array.from({ length: 3 * PAGE_CELLS }, (_, n) => arena.take(n / 3, n * 70_000));
    for (const [n, cell] of cells.entries()) if (n > 0) arena.link(cell, cells[n - 1]!);
    expect(new Set(cells).size).toBe(cells.length);
    const isKept = cells.every(
      (cell, n) =>
        arena.time(cell) === n / 3 &&
        arena.value(cell) === (n * 70_000) % 2 ** 32 &&
        arena.next(cell) === (n === 0 ? NONE : cells[n - 1]),
    );
    expect(isKept).toBe(true);
    expect(budget.used).toBe(3 * PAGE_BYTES);
  });

  it('takes memory by the page, when the first of it is needed', () => {
    const budget = new MemoryBudget(10 * PAGE_BYTES);
    const arena = new CellArena(budget);
    expect(budget.used).toBe(0);
    for (let n = 0; n < PAGE_CELLS; n += 1) arena.take(n, n);
    expect(budget.used).toBe(PAGE_BYTES);
    arena.take(0, 0);
    expect(budget.used).toBe(2 * PAGE_BYTES);
  });

  it('gives none where there is no room, and those that were given back first', () => {
    const budget = new MemoryBudget(2 * PAGE_BYTES - 1);
    const arena = new CellArena(budget);
    const cells = Array.from({ length: PAGE_CELLS }, (_, n) => arena.take(n, n));
    expect(arena.take(1, 1)).toBe(NONE);
    expect(budget.used).toBe(PAGE_BYTES);
    arena.link(cells[5]!, cells[6]!);
    arena.give(cells[5]!);
    arena.give(cells[9]!);
    const again = [arena.take(101, 201), arena.take(102, 202)];
    expect(again).toEqual([cells[9], cells[5]]);
    expect(again.map((cell) => [arena.time(cell), arena.value(cell), arena.next(cell)])).toEqual([
      [101, 201, NONE],
      [102, 202, NONE],
    ]);
    expect(arena.take(1, 1)).toBe(NONE);
  });
});
