import { describe, expect, it } from 'vitest';
import { RequestLogUpkeep } from './upkeep.js';

const DAYS = { retentionDays: 30, rollupRetentionDays: 400 };

function upkeep(...failing: string[]) {
  const done: string[] = [];
  const step = (name: string) => (): Promise<never> => {
    done.push(name);
    return (
      failing.includes(name) ? Promise.reject(new Error(name)) : Promise.resolve()
    ) as Promise<never>;
  };
  const kept = new RequestLogUpkeep(
    { ensure: step('ensure'), emptyDefault: step('empty') },
    { run: step('count') },
    { prune: step('prune') },
    DAYS,
  );
  return { kept, done };
}

describe('the upkeep of the log', () => {
  const ALL = ['ensure', 'count', 'prune', 'empty'];

  it('does one thing after another', async () => {
    const { kept, done } = upkeep();
    await kept.run();
    expect(done).toEqual(ALL);
  });

  it.each(ALL)('does all of them although one fails, and says so: %s', async (name) => {
    const { kept, done } = upkeep(name, 'empty');
    await expect(kept.run()).rejects.toThrow(name);
    expect(done).toEqual(ALL);
  });
});
