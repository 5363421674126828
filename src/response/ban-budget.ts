import { Prefix } from '../net/prefix.js';

const HOUR_MS = 3_600_000;

/** So many bans an hour are always allowed: a small site may be scanned by more than a tenth of its clients. */
const LEAST_BANS = 20;
/** This part of the last hour's clients, and no more: whoever wants to ban more is mistaken about them. */
const SHARE_OF_CLIENTS = 0.1;
/** Never more than these in an hour, whatever the number of clients. */
const MOST_BANS = 1_000;
/** What one organisation or tenant commonly holds: whoever has it can come from 65,536 networks of /64. */
const COUNTED_IPV6_LENGTH = 48;

/** A ban that waits for its turn. */
export interface WaitingBan {
  readonly network: Prefix;
  /** How much speaks against its client. */
  readonly score: number;
  /** Epoch milliseconds of the oldest evidence; of equal scores the older goes first. */
  readonly firstSeenMs: number;
}

/** What became of bans that waited. */
export interface BudgetAnswer<T> {
  /** Those to be made, in the order in which they went. */
  readonly admitted: readonly T[];
  /** Those for which there is no room: their findings are kept, and nothing else. */
  readonly refused: readonly T[];
  /** One loud line for the operator, when the budget is used up; null at all other times. */
  readonly alarm: string | null;
}

/** How many bans may be made in an hour in which there were so many clients. */
export function budgetFor(clientsInLastHour: number): number {
  const share = Math.floor(clientsInLastHour * SHARE_OF_CLIENTS);
  return Math.min(MOST_BANS, Math.max(LEAST_BANS, share));
}

/**
 * Bounds how many clients are banned within any hour. Whatever a detector or its thresholds get wrong, most clients are
 * not banned for it. IPv4 clients count by address; all that is within one IPv6 /48 counts once.
 */
export class BanBudget {
  /** When each client was banned last; the one that was banned longest ago is first. */
  private readonly bannedAtMs = new Map<string, number>();
  private isExhausted = false;

  /** A ban that was made elsewhere: before this process began, or by another one. */
  note(network: Prefix, startedAtMs: number, nowMs: number): void {
    this.charge(countedAs(network), Math.min(startedAtMs, nowMs));
  }

  /** How many clients count as banned within the last hour. */
  used(nowMs: number): number {
    this.forget(nowMs);
    return this.bannedAtMs.size;
  }

  /**
   * Takes bans that want to be made now: those with the highest score first, as far as there is room.
   *
   * @param clientsInLastHour how many clients there were in all.
   */
  admit<T extends WaitingBan>(
    waiting: readonly T[],
    nowMs: number,
    clientsInLastHour: number,
  ): BudgetAnswer<T> {
    const budget = budgetFor(clientsInLastHour);
    const wasUsed = this.used(nowMs);
    // It takes more than one place to make a used-up budget a fresh one: the operator is told once, not at every place.
    if (wasUsed <= budget / 2) this.isExhausted = false;
    const admitted: T[] = [];
    const refused: T[] = [];
    for (const { ban, key } of inOrder(waiting)) {
      if (this.bannedAtMs.has(key) || this.bannedAtMs.size < budget) {
        this.charge(key, nowMs);
        admitted.push(ban);
      } else {
        refused.push(ban);
      }
    }
    return { admitted, refused, alarm: this.alarm(refused.length, budget, clientsInLastHour) };
  }

  private alarm(refused: number, budget: number, clients: number): string | null {
    if (refused === 0 || this.isExhausted) return null;
    this.isExhausted = true;
    return (
      `${budget} clients have been banned within an hour, which is as many as may be of ${clients}: ` +
      `${refused === 1 ? 'one more is' : `${refused} more are`} only flagged, and so is what follows. ` +
      'Either this is a large attack, or a detector is wrong about your clients: look at the findings.'
    );
  }

  private charge(key: string, atMs: number): void {
    const before = this.bannedAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    this.bannedAtMs.delete(key);
    this.bannedAtMs.set(key, Math.max(before, atMs));
  }

  private forget(nowMs: number): void {
    for (const [key, atMs] of this.bannedAtMs) {
      // A clock that was set back must not leave bans in the future, which would never be over.
      if (atMs > nowMs) this.bannedAtMs.set(key, nowMs);
      else if (nowMs - atMs >= HOUR_MS) this.bannedAtMs.delete(key);
    }
  }
}

/** Highest score first, then the oldest evidence; what is equal in both goes by its text, alike in every process. */
function inOrder<T extends WaitingBan>(waiting: readonly T[]): { ban: T; key: string }[] {
  return waiting
    .map((ban) => ({ ban, key: countedAs(ban.network), text: ban.network.toString() }))
    .sort(
      (one, other) =>
        other.ban.score - one.ban.score ||
        one.ban.firstSeenMs - other.ban.firstSeenMs ||
        compare(one.text, other.text),
    );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function countedAs(network: Prefix): string {
  if (network.family === 4) return network.toString();
  const { w0, w1, w2, w3, length } = network;
  return Prefix.fromV6(w0, w1, w2, w3, Math.min(length, COUNTED_IPV6_LENGTH)).toString();
}
