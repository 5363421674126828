import type { RuleChange } from '../rules/rule-snapshot.js';
import type { IpTrackingEvents } from './ip-tracking-events.js';

/** Tells of rules that have changed in the database. */
export function tellRules(
  events: IpTrackingEvents,
  changes: readonly RuleChange[] | null,
  version: number | null,
): void {
  if (changes?.length === 0) return;
  events.tell('rule', () => ({
    version,
    changes:
      changes?.map(({ ruleId, now }) => ({
        ruleId,
        action: now?.action ?? null,
        network: now?.network ?? null,
        expiresAt: now === null || now.expiresAtMs === null ? null : new Date(now.expiresAtMs),
      })) ?? null,
  }));
}
