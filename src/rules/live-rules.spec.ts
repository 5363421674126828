import { describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/eventually.js';
import { parseIp } from '../net/ip-address.js';
import type { IpRuleRepository } from './ip-rule.repository.js';
import { LiveRules } from './live-rules.js';
import type { RuleRow } from './rule-table.js';

/** A database of rules whose answers come when they are let go. */
class HeldRepository {
  current = 1;
  readonly rules: RuleRow[] = [];
  reads = 0;
  private letGo: () => void = () => undefined;

  block(network: string): void {
    this.current += 1;
    this.rules.push({ id: this.current, action: 'block', network, expiresAtMs: null });
  }

  answer(): void {
    this.letGo();
  }

  version(): Promise<number> {
    return Promise.resolve(this.current);
  }

  /** Reads what there is when it is asked, and hands it over later. */
  async stream(take: (rows: readonly RuleRow[]) => Promise<void>): Promise<number> {
    const [version, rows] = [this.current, [...this.rules]];
    this.reads += 1;
    await new Promise<void>((resolve) => (this.letGo = resolve));
    await take(rows);
    return version;
  }

  async changesSince(version: number) {
    this.reads += 1;
    const [read, rows] = [this.current, this.rules.filter(({ id }) => id > version)];
    await new Promise<void>((resolve) => (this.letGo = resolve));
    return { version: read, changes: rows.map((now) => ({ ruleId: now.id, now })) };
  }
}

describe('rules that change while they are being read', () => {
  const options = {
    pollIntervalMs: 3_600_000,
    now: () => 0,
    withoutRules: 'open' as const,
    whose: null,
    onOutage: () => undefined,
    onRejected: () => undefined,
    log: { log: () => undefined, warn: () => undefined, error: () => undefined },
  };

  it('are read once more, before whoever has asked for them goes on', async () => {
    const repository = new HeldRepository();
    const rules = new LiveRules(repository as unknown as IpRuleRepository, null, options);
    const loading = rules.reload();
    await eventually(() => repository.reads === 1);
    repository.block('203.0.113.7/32');
    // Its change came after the reading had begun: what that finds does not have it.
    let hasSeen = false;
    const asked = rules.reload().then(() => (hasSeen = true));
    repository.answer();
    await eventually(() => hasSeen || repository.reads === 2, { what: 'a second reading' });
    expect(hasSeen).toBe(false);
    repository.answer();
    await Promise.all([loading, asked]);
    expect(rules.match(parseIp('203.0.113.7')!).block).not.toBeNull();
    expect(repository.reads).toBe(2);
  });
});
