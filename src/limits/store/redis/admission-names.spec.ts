import { describe, expect, it } from 'vitest';
import { AdmissionNames, NAME_LENGTH } from './admission-names.js';

describe('AdmissionNames', () => {
  it('gives each name once, also after the numbers of a prefix are used up', () => {
    const names = new AdmissionNames();
    const count = 36 ** 4 + 10;
    const given = new Set<string>();
    for (let i = 0; i < count; i++) given.add(names.next());
    expect(given.size).toBe(count);
  });

  it('gives names of the length that the script reads', () => {
    const names = new AdmissionNames();
    const lengths = new Set(Array.from({ length: 50_000 }, () => names.next().length));
    expect([...lengths]).toEqual([NAME_LENGTH]);
  });

  it('begins differently in each process', () => {
    const prefixes = new Set(
      Array.from({ length: 100 }, () => new AdmissionNames().next().slice(0, 8)),
    );
    expect(prefixes.size).toBe(100);
  });
});
