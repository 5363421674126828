import { keyOf, type Finding } from '../detection/finding.js';
import type { Prefix } from '../net/prefix.js';
import type { HeldAction, HeldRules } from '../rules/held-rules.js';
import type { Ban } from './ban.js';
import type { BanHistory } from './ban-history.js';
import type { WrittenOutcome } from './ban-writer.js';

/** A ban whose finding has not come to be stored for so long is stored without waiting for it, in milliseconds. */
const OVERDUE_MS = 30_000;
const MAX_OWN = 10_000;
/** By so much clocks may differ before one of them has been set, in milliseconds. */
const CLOCK_SLACK_MS = 2_000;

/** What {@link BansInForce} change and tell. */
export interface BansInForceParts {
  readonly held: HeldRules;
  readonly history: BanHistory;
  /** Epoch milliseconds, by a clock that may be set. */
  now(): number;
  /** Milliseconds by a clock that nobody sets. */
  steady(): number;
  /** Whether a stored rule does that to a client. */
  isStored(network: Prefix, action: HeldAction): boolean;
  /** Whether there is such a rule, be it over by the clock of this process. */
  isStoredAtAll(network: Prefix, action: HeldAction): boolean;
  /** Other rules hold now. */
  onHeld(): void;
  /** What is not stored yet has changed. */
  onPending(): void;
  /** A ban of this process has ended. */
  onEnded(ban: Ban, why: 'expiry' | 'pardon' | 'dropped'): void;
}

/** The bans that this process has decided on, from then until the stored rules have them, or they end. */
export class BansInForce {
  private readonly all = new Map<string, Ban>();
  /** Those that the database has not got. */
  private readonly unstored = new Map<string, Ban>();
  /** Those that it has, and of which this process does not know yet that it follows the stored rule. */
  private readonly handedOver = new Set<Ban>();
  /** The ids of this process's own, as far as they may still be heard of. */
  private readonly own = new Set<string>();
  /** When each ends at the latest, by its id and the steady clock. */
  private readonly endsBySteady = new Map<string, number>();

  constructor(private readonly parts: BansInForceParts) {}

  /** Those that a later process would have to store. */
  *pending(): Iterable<Ban> {
    for (const ban of this.unstored.values()) if (ban.isStorable) yield ban;
  }

  /** All that this process has decided on. */
  list(): Iterable<Ban> {
    return this.all.values();
  }

  get size(): number {
    return this.all.size;
  }

  /** Puts a ban into force. */
  hold(ban: Ban): void {
    const { held, history } = this.parts;
    const before = this.all.get(ban.text);
    if (before !== undefined) {
      this.unstored.delete(before.id);
      this.endsBySteady.delete(before.id);
    }
    const lengthMs = ban.untilMs - ban.startedAtMs;
    const leftMs = Math.min(lengthMs, ban.untilMs - this.parts.now());
    this.endsBySteady.set(ban.id, this.parts.steady() + leftMs);
    this.all.set(ban.text, ban);
    this.unstored.set(ban.id, ban);
    this.own.add(ban.id);
    if (this.own.size > MAX_OWN) this.own.delete(this.own.values().next().value!);
    held.hold(ban);
    history.add(ban.network, pastOf(ban));
    this.parts.onHeld();
    this.parts.onPending();
  }

  /** Whether a ban is this process's own. */
  isOwn(id: string): boolean {
    return this.own.has(id);
  }

  /** What of a client holds at a moment. */
  of(network: Prefix, nowMs: number): Ban | null {
    const ban = this.all.get(network.toString());
    return ban !== undefined && ban.untilMs > nowMs && this.isInForce(ban) ? ban : null;
  }

  /** Those to be stored with some findings, and those that have waited for theirs for too long. */
  due(findings: readonly Finding[], nowMs: number): Ban[] {
    if (this.unstored.size === 0) return [];
    this.followClock(nowMs);
    const keys = new Set(findings.map((finding) => keyOf(finding)));
    return [...this.unstored.values()].filter(
      (ban) => keys.has(keyOf(ban.finding)) || this.isOverdue(ban, nowMs),
    );
  }

  /** Those that have waited for so long that their findings should be stored anew. */
  overdue(nowMs: number): Ban[] {
    return [...this.unstored.values()].filter((ban) => this.isOverdue(ban, nowMs));
  }

  /** What the database has said is committed. */
  written(outcomes: readonly WrittenOutcome[]): void {
    for (const { ban, ruleId, dropped } of outcomes) {
      if (!this.unstored.delete(ban.id)) continue;
      // It may have been put to another clock meanwhile.
      const current = this.all.get(ban.text) ?? ban;
      if (dropped === 'banned-already' || ruleId !== null) this.handedOver.add(current);
      else if (dropped !== null) {
        this.parts.history.remove(current.network, current.startedAtMs);
        this.end(current, 'dropped');
      }
    }
    this.parts.onPending();
  }

  /** The stored rules are followed as they are now: they stand for what was handed over. */
  followed(): void {
    for (const ban of this.handedOver) {
      const { network, action } = ban;
      const { isStored, isStoredAtAll } = this.parts;
      // By a clock that is ahead the stored rule is over before it has begun: this one acts until the clock is right.
      if (isStoredAtAll(network, action) && !isStored(network, action)) continue;
      this.handedOver.delete(ban);
      this.release(ban);
      // What is left is there to be told when it ends; a week's evidence would be much.
      if (this.all.get(ban.text) === ban) this.all.set(ban.text, slim(ban));
    }
  }

  /** Whether the stored rules are to be followed before more is let go of. */
  get isHandingOver(): boolean {
    return this.handedOver.size > 0;
  }

  /** Somebody has pardoned a network: what was decided before that ends. @returns how many did. */
  pardon(network: Prefix, atMs: number): number {
    // What was decided by a clock that was ahead was decided before.
    this.followClock(atMs);
    let ended = 0;
    for (const ban of this.all.values()) {
      if (!ban.network.overlaps(network) || ban.evidenceFromMs > atMs) continue;
      ended += 1;
      this.unstored.delete(ban.id);
      this.handedOver.delete(ban);
      this.end(ban, 'pardon');
    }
    if (ended > 0) this.parts.onPending();
    return ended;
  }

  /** The networks of bans that the database has not got, and that share an address with one. */
  heldIn(network: Prefix): string[] {
    return [...this.unstored.values()]
      .filter((ban) => ban.network.overlaps(network))
      .map(({ text }) => text);
  }

  /** Lets go of what is over. */
  sweep(nowMs: number): void {
    this.followClock(nowMs);
    for (const ban of this.all.values()) {
      const isOver = ban.untilMs <= nowMs;
      // Somebody may have removed its rule by other means than a pardon.
      if (!isOver && this.isInForce(ban)) continue;
      this.unstored.delete(ban.id);
      this.handedOver.delete(ban);
      this.end(ban, isOver ? 'expiry' : 'pardon');
    }
  }

  /**
   * Nobody is banned for longer because a clock was set back: what is left of a ban is what the steady clock leaves of it,
   * where that is less. One that is set forward ends bans.
   */
  private followClock(nowMs: number): void {
    const steadyMs = this.parts.steady();
    for (const ban of this.all.values()) {
      const leftMs = (this.endsBySteady.get(ban.id) ?? Number.POSITIVE_INFINITY) - steadyMs;
      const backMs = ban.untilMs - nowMs - leftMs;
      if (backMs > CLOCK_SLACK_MS) this.replace(ban, setBack(ban, backMs));
    }
  }

  private replace(before: Ban, ban: Ban): void {
    const { held, history } = this.parts;
    this.all.set(ban.text, ban);
    if (this.unstored.has(ban.id)) this.unstored.set(ban.id, ban);
    if (this.handedOver.delete(before)) this.handedOver.add(ban);
    if (held.release(before)) held.hold(ban);
    history.remove(before.network, before.startedAtMs);
    history.add(ban.network, pastOf(ban));
  }

  /** It is held, or the stored rules have it. */
  private isInForce({ network, action }: Ban): boolean {
    return this.parts.held.of(network) !== undefined || this.parts.isStored(network, action);
  }

  private end(ban: Ban, why: 'expiry' | 'pardon' | 'dropped'): void {
    this.release(ban);
    this.all.delete(ban.text);
    this.endsBySteady.delete(ban.id);
    this.parts.onEnded(ban, why);
  }

  private release(ban: Ban): void {
    this.parts.held.release(ban);
  }

  private isOverdue({ startedAtMs, isStorable }: Ban, nowMs: number): boolean {
    return isStorable && Math.abs(nowMs - startedAtMs) > OVERDUE_MS;
  }
}

/** A ban as it is by a clock that has been set back. */
function setBack(ban: Ban, byMs: number): Ban {
  const { startedAtMs, untilMs, evidenceFromMs } = ban;
  return {
    ...ban,
    startedAtMs: startedAtMs - byMs,
    untilMs: untilMs - byMs,
    evidenceFromMs: evidenceFromMs - byMs,
  };
}

function slim(ban: Ban): Ban {
  return { ...ban, finding: { ...ban.finding, evidence: {} } };
}

/** A ban as its client's past has it. */
function pastOf({ action, startedAtMs, untilMs }: Ban): {
  action: 'ban' | 'limit';
  startedAtMs: number;
  endsAtMs: number;
} {
  return { action: action === 'block' ? 'ban' : 'limit', startedAtMs, endsAtMs: untilMs };
}
