import type { Statements } from '../detection/finding-response.js';
import type { Ban } from './ban.js';
import { BAN_SOURCE, BanRepository, type BanRule, type StoredFacts } from './ban.repository.js';
import type { NewBanEvent } from './ban-event.js';
import { BanBudget } from './ban-budget.js';
import { banLengthMs } from './ban-length.js';
import { GRACE_MS } from './softening.js';
import { parsePrefix } from '../net/prefix.js';

/** What became of a ban when it was to be stored. */
export interface WrittenOutcome {
  readonly ban: Ban;
  /** Its rule; null where it was not stored: it stays in this process, or another holds, or it must not be. */
  readonly ruleId: number | null;
  /** Why it does not hold, where it does not. */
  readonly dropped: string | null;
}

/** A prolongation is worth a row only where it makes a limit half as long again. */
const WORTH = 0.5;

/**
 * Stores bans, in a transaction of whoever stores their findings. What the database knows has the last word: two processes
 * that ban one client make one ban, what all of them ban together stays within the budget, and whoever was allowed or
 * pardoned meanwhile is not banned.
 *
 * @param clientsInLastHour as this process has seen them.
 */
export async function writeBans(
  statements: Statements,
  bans: readonly Ban[],
  { now, clientsInLastHour }: { now: () => number; clientsInLastHour: number },
): Promise<WrittenOutcome[]> {
  const repository = new BanRepository(statements);
  await repository.alone(BAN_SOURCE);
  const known = await repository.stored(bans.map(({ id }) => id));
  const storable = bans.filter(({ id, isStorable }) => isStorable && !known.has(id));
  const facts = await repository.facts(storable.map(({ text }) => text));
  // Later than the database has looked at its own clock, whatever was waited for: evidence is rather too old than too young.
  const nowMs = now();
  const ids = await repository.findingIds(bans.map(({ finding }) => finding));
  const outcomes: WrittenOutcome[] = [];
  const rules: BanRule[] = [];
  const events: NewBanEvent[] = [];
  const budgets = {
    block: await budgetOf(repository, 'block', nowMs),
    limit: await budgetOf(repository, 'limit', nowMs),
  };
  const taken = new Set<string>();
  for (const ban of inOrder(bans)) {
    const findingId = ids.get(keyOf(ban)) ?? null;
    const event = eventOf(ban, findingId);
    if (known.has(ban.id)) {
      outcomes.push({ ban, ruleId: known.get(ban.id) ?? null, dropped: null });
      continue;
    }
    const leftMs = leftOf(ban, nowMs);
    if (!ban.isStorable) {
      events.push({ ...event, event: 'ban', network: null, forMs: leftMs });
      outcomes.push({ ban, ruleId: null, dropped: null });
      continue;
    }
    const stored = facts.get(ban.text);
    const reason = against(ban, stored, { leftMs, nowMs }) ?? (taken.has(ban.text) ? BANNED : null);
    if (reason !== null) {
      if (reason !== BANNED) events.push({ ...event, event: 'refused', ...reason });
      outcomes.push({ ban, ruleId: null, dropped: reason.code });
      continue;
    }
    const isProlonged = ban.action === 'limit' && isLimited(stored);
    if (!isProlonged) {
      const waiting = { network: ban.network, score: ban.score, firstSeenMs: ban.evidenceFromMs };
      if (budgets[ban.action].admit([waiting], nowMs, clientsInLastHour).refused.length > 0) {
        events.push({ ...event, event: 'refused', ...OVER_BUDGET });
        outcomes.push({ ban, ruleId: null, dropped: OVER_BUDGET.code });
        continue;
      }
    }
    taken.add(ban.text);
    const forMs = lengthOf(ban, stored, nowMs);
    rules.push({
      action: ban.action,
      network: ban.text,
      reason: ban.reason,
      forMs,
      findingId,
      banId: ban.id,
    });
    events.push({ ...event, event: isProlonged ? 'prolongation' : 'ban', forMs });
    outcomes.push({ ban, ruleId: 0, dropped: null });
  }
  const ruleIds = await repository.saveRules(rules);
  await repository.note(
    events.map((event) => ({ ...event, ruleId: ruleIds.get(event.banId ?? '') ?? null })),
  );
  return outcomes.map((outcome) =>
    outcome.ruleId === 0 ? { ...outcome, ruleId: ruleIds.get(outcome.ban.id) ?? null } : outcome,
  );
}

interface Against {
  readonly code: string;
  readonly reason: string;
}
const BANNED: Against = { code: 'banned-already', reason: 'it is banned already' };
const OVER_BUDGET: Against = {
  code: 'budget',
  reason: 'as many clients have been banned within an hour, by all processes together, as may be',
};

/** Why a ban is not to be stored; null where nothing speaks against it. */
function against(
  ban: Ban,
  stored: StoredFacts | undefined,
  { leftMs, nowMs }: { leftMs: number; nowMs: number },
): Against | null {
  if (stored === undefined) return null;
  const { exempt, active } = stored;
  const pardonedAgoMs = stored.pardonedAgoMs ?? Number.POSITIVE_INFINITY;
  if (exempt !== null) return { code: 'protected', reason: `never banned: it overlaps ${exempt}` };
  if (nowMs - ban.evidenceFromMs >= pardonedAgoMs) {
    return {
      code: 'pardoned',
      reason: 'it was pardoned after this evidence, which does not count any more',
    };
  }
  // Whoever has decided on it had not heard of the pardon yet.
  if (pardonedAgoMs - (nowMs - ban.startedAtMs) < GRACE_MS) {
    return { code: 'grace', reason: 'it was pardoned within the hour before' };
  }
  if (leftMs <= 0) return { code: 'over', reason: 'it was over before it could be stored' };
  for (const { action, leftMs: ofOther } of active ?? []) {
    if (action === 'block') return BANNED;
    if (ban.action === 'limit' && leftMs < ofOther + leftMs * WORTH) return BANNED;
  }
  return null;
}

function isLimited(stored: StoredFacts | undefined): boolean {
  return (stored?.active ?? []).some(({ action }) => action === 'limit');
}

/** By the history that all processes share, where this one knew less of it. */
function lengthOf(ban: Ban, stored: StoredFacts | undefined, nowMs: number): number {
  const since = stored?.pardonedAtMs ?? null;
  const history = (stored?.history ?? []).filter(
    ({ startedAtMs }) => since === null || startedAtMs > since,
  );
  // The ban itself is not among them, and those of a clock ahead of ours are no less true.
  const past = history.map((one) => ({
    ...one,
    startedAtMs: Math.min(one.startedAtMs, ban.startedAtMs),
  }));
  const lengthMs = banLengthMs(past, ban.firstMs, ban.startedAtMs, () => ban.random);
  const mostMs = ban.mostMs ?? lengthMs;
  const endsAtMs = ban.startedAtMs + Math.min(lengthMs, mostMs);
  return Math.max(1_000, Math.min(endsAtMs - nowMs, lengthMs, mostMs));
}

/** How long it has to go; a clock that was set back makes no ban longer. */
function leftOf({ startedAtMs, untilMs }: Ban, nowMs: number): number {
  return Math.min(untilMs - nowMs, untilMs - startedAtMs);
}

async function budgetOf(
  repository: BanRepository,
  action: 'block' | 'limit',
  nowMs: number,
): Promise<BanBudget> {
  const budget = new BanBudget();
  for (const { network, agoMs } of await repository.recent(action)) {
    const prefix = parsePrefix(network);
    if (prefix !== null) budget.note(prefix, nowMs - agoMs, nowMs);
  }
  return budget;
}

function inOrder(bans: readonly Ban[]): Ban[] {
  return [...bans].sort(
    (one, other) =>
      other.score - one.score ||
      one.evidenceFromMs - other.evidenceFromMs ||
      (one.text < other.text ? -1 : 1),
  );
}

function eventOf(ban: Ban, findingId: number | null): Omit<NewBanEvent, 'event'> {
  const { id, action, text, reason, code, finding } = ban;
  return {
    action,
    banId: id,
    network: text,
    subject: finding.subject,
    detector: finding.detector,
    findingId,
    code,
    reason,
    actor: BAN_SOURCE,
  };
}

function keyOf({ finding: { detector, subject } }: Ban): string {
  return `${detector} ${subject}`;
}
