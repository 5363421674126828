import { parsePrefix } from '../net/prefix.js';
import { PrefixSetBuilder } from '../net/prefix-set.js';
import type { SliceOptions } from '../net/time-slice.js';
import type { RuleAction } from './ip-rule.entity.js';
import { RuleTable, type RuleColumns, type RuleRow } from './rule-table.js';

/** A rule that could not be taken over, and why; the others hold. */
export interface RejectedRule {
  row: RuleRow;
  message: string;
}

/** Collects rules for a {@link RuleTable}; builds once. */
export class RuleTableBuilder {
  private readonly builders: Record<RuleAction, PrefixSetBuilder<number>> = {
    allow: new PrefixSetBuilder<number>(),
    block: new PrefixSetBuilder<number>(),
    limit: new PrefixSetBuilder<number>(),
    monitor: new PrefixSetBuilder<number>(),
  };
  private ids = new Int32Array(1_024);
  private expiresAt: Float64Array | null = null;
  private readonly sameNetwork = new Map<number, number>();
  private size = 0;
  private last: { action: RuleAction; network: string } | null = null;

  constructor(private readonly onRejected: (rejected: RejectedRule) => void = () => undefined) {}

  /**
   * Adds a rule. Rules for the same action and network must come one after another: of the rows of a prefix the set
   * keeps the last, and that one leads to those before it.
   */
  add(rule: RuleRow): void {
    const { id, action, network, expiresAtMs } = rule;
    const builder = Object.hasOwn(this.builders, action) ? this.builders[action] : undefined;
    if (builder === undefined) {
      this.onRejected({ row: rule, message: `"${String(action)}" is not an action` });
      return;
    }
    const prefix = parsePrefix(network);
    if (prefix === null) {
      this.onRejected({ row: rule, message: `"${String(network)}" is not a network` });
      return;
    }
    const row = this.size;
    this.grow(row + 1);
    this.size += 1;
    this.ids[row] = id;
    if (expiresAtMs !== null) this.expiries()[row] = expiresAtMs;
    if (this.last?.network === network && this.last.action === action) {
      this.sameNetwork.set(row, row - 1);
    }
    this.last = { action, network };
    builder.add(prefix, row);
  }

  /** Builds the table in one go. */
  build(): RuleTable {
    const { allow, block, limit, monitor } = this.builders;
    return this.table({
      allow: allow.build(),
      block: block.build(),
      limit: limit.build(),
      monitor: monitor.build(),
    });
  }

  /** Builds the table in slices, so that a million rules never hold the event loop. */
  async buildAsync(options: SliceOptions = {}): Promise<RuleTable> {
    const { allow, block, limit, monitor } = this.builders;
    return this.table({
      allow: await allow.buildAsync(options),
      block: await block.buildAsync(options),
      limit: await limit.buildAsync(options),
      monitor: await monitor.buildAsync(options),
    });
  }

  private table(sets: RuleColumns['sets']): RuleTable {
    return new RuleTable({
      sets,
      ids: this.ids.slice(0, this.size),
      expiresAt: this.expiresAt?.slice(0, this.size) ?? null,
      sameNetwork: this.sameNetwork,
    });
  }

  private grow(needed: number): void {
    if (needed <= this.ids.length) return;
    const ids = new Int32Array(this.ids.length * 2);
    ids.set(this.ids);
    this.ids = ids;
    if (this.expiresAt !== null) this.expiresAt = grown(this.expiresAt, ids.length);
  }

  private expiries(): Float64Array {
    this.expiresAt ??= new Float64Array(this.ids.length).fill(Infinity);
    return this.expiresAt;
  }
}

function grown(before: Float64Array, length: number): Float64Array {
  const after = new Float64Array(length).fill(Infinity);
  after.set(before);
  return after;
}
