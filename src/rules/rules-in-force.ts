import { messageOf } from '../ip-tracking.errors.js';
import type { WithoutRules } from './decide.js';
import type { RuleSnapshot } from './rule-snapshot.js';

/** What is known of the rules in memory. */
export interface RulesStatus {
  /** Where they come from: the database, the file of an earlier run, or nowhere yet. */
  from: 'database' | 'disk' | 'nowhere';
  /** The database's counter of changes; null before the first load. */
  version: number | null;
  /** How many there are, expired ones included. */
  size: number;
  /** When the database last said that these are the rules; null while it has not. */
  confirmedAt: Date | null;
  /** When those from the disk were written; null for others. */
  writtenAt: Date | null;
  /** Why there are none on disk, or older ones than there could be; null where nothing is wrong, or they were not needed. */
  diskTrouble: string | null;
  /** The database cannot be read right now, and these hold as they are. */
  isOut: boolean;
}

/** What a live copy knows of its snapshot. */
export interface HeldCopy {
  isConfirmed: boolean;
  confirmedAtMs: number | null;
  writtenAt: Date | null;
  diskTrouble: string | null;
  isOut: boolean;
}

/** What is told of a copy. Its rules are counted for whoever asks how many: among a million that takes a while. */
export function statusOf(snapshot: RuleSnapshot, copy: HeldCopy): RulesStatus {
  const { version } = snapshot;
  const { isConfirmed, confirmedAtMs, writtenAt, diskTrouble, isOut } = copy;
  const from = isConfirmed ? 'database' : version >= 0 ? 'disk' : 'nowhere';
  return {
    from,
    version: version >= 0 ? version : null,
    get size() {
      return snapshot.size;
    },
    confirmedAt: confirmedAtMs === null ? null : new Date(confirmedAtMs),
    writtenAt: from === 'disk' ? writtenAt : null,
    diskTrouble: from === 'database' ? null : diskTrouble,
    isOut,
  };
}

/** For the log: the rules cannot be read, and what holds meanwhile. */
export function describeOutage(
  error: unknown,
  status: RulesStatus,
  options: { withoutRules: WithoutRules },
): string {
  return `the rules cannot be read, so ${inForce(status, options.withoutRules)}: ${messageOf(error)}`;
}

/** For the log: the first load takes its time, and what holds until it is there. */
export function describeLate(
  afterMs: number,
  status: RulesStatus,
  options: { withoutRules: WithoutRules },
): string {
  return `the rules are not loaded after ${afterMs} ms (rules.startTimeoutMs), so until they are, ${inForce(status, options.withoutRules)}`;
}

function inForce(
  { from, size, writtenAt, diskTrouble }: RulesStatus,
  withoutRules: WithoutRules,
): string {
  const trouble = diskTrouble === null ? '' : ` (${diskTrouble})`;
  switch (from) {
    case 'database':
      return 'the last known ones hold';
    case 'disk':
      return `the ${size} that were kept on disk at ${writtenAt?.toISOString()} hold${trouble}`;
    case 'nowhere':
      return withoutRules === 'open'
        ? `none are known${trouble}, and no rule refuses anybody (rules.withoutRules is 'open')`
        : `none are known${trouble}, and every client is refused (rules.withoutRules is 'closed')`;
  }
}
