import { expect, it, onTestFinished, vi } from 'vitest';
import { RuleSnapshot } from './rule-snapshot.js';
import { RuleTable } from './rule-table.js';
import { RuleTableBuilder } from './rule-table-builder.js';
import { statusOf } from './rules-in-force.js';

const COPY = {
  isConfirmed: true,
  confirmedAtMs: 0,
  writtenAt: null,
  diskTrouble: null,
  isOut: false,
};
const rule = (id: number) => ({
  id,
  action: 'block' as const,
  network: `203.0.113.${id}/32`,
  expiresAtMs: null,
});

it('counts rules for whoever asks how many there are, and for nobody else: each change asks for the rest', () => {
  const builder = new RuleTableBuilder();
  for (const id of [1, 2, 3]) builder.add(rule(id));
  const changes = [
    { ruleId: 2, now: null },
    { ruleId: 4, now: rule(4) },
    { ruleId: 5, now: rule(5) },
  ];
  const snapshot = RuleSnapshot.of(7, builder.build()).with(8, changes);
  const counted = vi.spyOn(RuleTable.prototype, 'count');
  onTestFinished(() => counted.mockRestore());
  const status = statusOf(snapshot, COPY);
  expect([status.version, status.from, status.isOut]).toEqual([8, 'database', false]);
  expect(counted).not.toHaveBeenCalled();
  expect(status.size).toBe(4);
});
