import { array, nat, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';

import type { LimitResult, LimitRule } from '../../src/limits/store/limit-storage.js';

/** One step of a schedule; `slot` picks one of the admissions made so far, given back or not. */
export type LimitStep =
  | { readonly kind: 'hit' | 'peek'; readonly afterMs: number; readonly rule: LimitRule }
  | { readonly kind: 'release'; readonly afterMs: number; readonly slot: number }
  | { readonly kind: 'reset'; readonly afterMs: number };

/** The slow obvious twin of every limit storage: one key, everything that was ever admitted, filtered at each step. */
export class LimitOracle {
  private admissions: { at: number; cost: number; id: number }[] = [];
  private keptTtlMs = 0;
  private blockedUntil = -Infinity;
  private nextId = 0;

  hit(rule: LimitRule, now: number): Omit<LimitResult, 'slot'> & { id: number | null } {
    return this.judge(rule, now, true);
  }

  peek(rule: LimitRule, now: number): Omit<LimitResult, 'slot'> & { id: number | null } {
    return this.judge(rule, now, false);
  }

  release(id: number, now: number): boolean {
    this.forgetExpired(now);
    const before = this.admissions.length;
    this.admissions = this.admissions.filter((admission) => admission.id !== id);
    return this.admissions.length < before;
  }

  reset(now: number): boolean {
    this.forgetExpired(now);
    const hadAny = this.admissions.length > 0 || this.blockedUntil > now;
    this.admissions = [];
    this.blockedUntil = -Infinity;
    return hadAny;
  }

  private judge(
    { limit, ttlMs, cost = 1, blockForMs = 0 }: LimitRule,
    now: number,
    counts: boolean,
  ) {
    this.forgetExpired(now);
    if (counts) this.keptTtlMs = Math.max(this.keptTtlMs, ttlMs);
    const wasBlocked = this.blockedUntil > now;
    const admitted = !wasBlocked && this.fits(limit, ttlMs, cost, now);
    const id = admitted && counts ? this.nextId++ : null;
    if (id !== null) this.admissions.push({ at: now, cost, id });
    if (counts && !admitted && !wasBlocked && cost <= limit && blockForMs > 0) {
      this.blockedUntil = now + blockForMs;
    }
    const isBlocked = this.blockedUntil > now;
    return {
      admitted,
      limit,
      remaining: isBlocked ? 0 : Math.max(0, limit - this.live(ttlMs, now)),
      retryAfterMs: this.firstMomentThat(
        now,
        (moment) =>
          this.blockedUntil <= moment && (cost > limit || this.fits(limit, ttlMs, cost, moment)),
        cost > limit ? ttlMs : 0,
      ),
      resetAfterMs: this.firstMomentThat(
        now,
        (moment) => this.blockedUntil <= moment && this.live(ttlMs, moment) === 0,
        0,
      ),
      id,
    };
  }

  private fits(limit: number, ttlMs: number, cost: number, now: number): boolean {
    return this.live(ttlMs, now) + cost <= limit;
  }

  private live(ttlMs: number, now: number): number {
    return this.admissions
      .filter(({ at }) => at > now - ttlMs && at <= now)
      .reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Tries every millisecond: schedules speak whole ones. */
  private firstMomentThat(
    now: number,
    holds: (moment: number) => boolean,
    atLeast: number,
  ): number {
    let wait = atLeast;
    while (!holds(now + wait)) wait++;
    return wait;
  }

  private forgetExpired(now: number): void {
    this.admissions = this.admissions.filter(({ at }) => at + this.keptTtlMs > now);
    if (this.admissions.length === 0) this.keptTtlMs = 0;
  }
}

/**
 * Schedules for one key. In half of them limit, cost and block vary, and admissions are given back; in the other half
 * the window varies instead of the limit, and nothing is given back: there a key may forget what no limit that it has
 * seen could ask for, and the oracle forgets nothing. Most steps fall on the edges of a window. A step is drawn as one
 * number: a hundred thousand schedules of whole records would take minutes.
 */
export function limitSchedules(maxSteps = 16): Arbitrary<LimitStep[]> {
  return tuple(nat(0xffff), array(nat(0x3fffffff), { minLength: 1, maxLength: maxSteps })).map(
    ([head, steps]) => {
      const draw = drawer(head);
      const hasOneWindow = draw(2) === 0;
      const limit = draw(6);
      const ttlMs = 1 + draw(20);
      const blockForMs = draw(3) === 0 ? 1 + draw(30) : 0;
      const varies = draw(2) === 0;
      return steps.map((step) => toStep(step, { hasOneWindow, limit, ttlMs, blockForMs, varies }));
    },
  );
}

interface ScheduleShape {
  hasOneWindow: boolean;
  limit: number;
  ttlMs: number;
  blockForMs: number;
  varies: boolean;
}

function toStep(step: number, shape: ScheduleShape): LimitStep {
  const draw = drawer(step);
  const kind = draw(16);
  const gaps = [
    0,
    0,
    0,
    1,
    1,
    draw(5),
    shape.ttlMs - 1,
    shape.ttlMs,
    draw(2 * shape.ttlMs),
  ] as const;
  const afterMs = oneOf(gaps, draw);
  if (kind === 0) return { kind: 'reset', afterMs };
  if (kind <= 3 && shape.hasOneWindow) return { kind: 'release', afterMs, slot: draw(64) };
  const limit =
    shape.varies && shape.hasOneWindow ? Math.max(0, shape.limit - 2 + draw(5)) : shape.limit;
  return {
    kind: kind === 4 ? 'peek' : 'hit',
    afterMs,
    rule: {
      limit,
      ttlMs: shape.hasOneWindow ? shape.ttlMs : 1 + draw(30),
      cost: shape.varies ? 1 + Math.max(0, draw(6) - 3) : 1,
      blockForMs: shape.varies && draw(2) === 0 ? 0 : shape.blockForMs,
    },
  };
}

/** Takes small numbers out of a large one. */
function oneOf<T>(values: readonly [T, ...T[]], draw: (below: number) => number): T {
  return values[draw(values.length)] ?? values[0];
}

function drawer(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    // mulberry32 (Tommy Ettinger, public domain).
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What the two said to one step where they do not agree. */
export interface LimitDifference {
  readonly step: LimitStep;
  readonly storage: unknown;
  readonly oracle: unknown;
}

/** The storage under test, with the moment given to it. */
export interface DrivenStorage {
  hit(rule: LimitRule, now: number): Promise<LimitResult> | LimitResult;
  peek(rule: LimitRule, now: number): Promise<LimitResult> | LimitResult;
  release(slot: string, now: number): Promise<boolean> | boolean;
  reset(now: number): Promise<boolean> | boolean;
}

/** Plays one schedule to an oracle and to a storage. */
export class LimitReplay {
  private readonly oracle = new LimitOracle();
  private readonly admitted: { slot: string; id: number }[] = [];
  private now: number;

  constructor(start: number) {
    this.now = start;
  }

  /** Plays to a storage that answers at once. Returns where the two first differ, or null. */
  play(schedule: LimitStep[], storage: DrivenStorage): LimitDifference | null {
    for (const step of schedule) {
      const difference = this.compare(step, this.tell(step, storage) as LimitResult | boolean);
      if (difference !== null) return difference;
    }
    return null;
  }

  /** Plays to a storage that is elsewhere. */
  async playRemote(schedule: LimitStep[], storage: DrivenStorage): Promise<LimitDifference | null> {
    for (const step of schedule) {
      const difference = this.compare(step, await this.tell(step, storage));
      if (difference !== null) return difference;
    }
    return null;
  }

  private tell(step: LimitStep, storage: DrivenStorage) {
    this.now += step.afterMs;
    if (step.kind === 'reset') return storage.reset(this.now);
    if (step.kind !== 'release') return storage[step.kind](step.rule, this.now);
    const kept = this.kept(step.slot);
    return kept !== undefined && storage.release(kept.slot, this.now);
  }

  private compare(step: LimitStep, given: LimitResult | boolean): LimitDifference | null {
    if (typeof given === 'boolean') {
      if (step.kind === 'reset') return differ(step, given, this.oracle.reset(this.now));
      const kept = step.kind === 'release' ? this.kept(step.slot) : undefined;
      return kept === undefined
        ? null
        : differ(step, given, this.oracle.release(kept.id, this.now));
    }
    const { kind, rule } = step as Extract<LimitStep, { rule: LimitRule }>;
    const { id, ...expected } = this.oracle[kind](rule, this.now);
    const { slot, ...actual } = given;
    if (slot !== null && id !== null) {
      this.admitted.push({ slot, id });
    }
    return differ(
      step,
      { ...actual, hasSlot: slot !== null },
      { ...expected, hasSlot: id !== null },
    );
  }

  /** One of the admissions that were given; none before the first. */
  private kept(slot: number): { slot: string; id: number } | undefined {
    return this.admitted[slot % this.admitted.length];
  }
}

function differ(step: LimitStep, storage: unknown, oracle: unknown): LimitDifference | null {
  return JSON.stringify(storage) === JSON.stringify(oracle) ? null : { step, storage, oracle };
}

/** A hit after some time, and by how much the wall clock was set back just before it. */
export interface ClockStep {
  readonly afterMs: number;
  readonly backMs: number;
}

/** Hits of one client while somebody sets the clock back, by little and by much, on the edges of a window of 20 ms. */
export function clockSchedules(): Arbitrary<ClockStep[]> {
  return array(nat(0x3fffffff), { minLength: 1, maxLength: 24 }).map((numbers) =>
    numbers.map((number) => {
      const draw = drawer(number);
      const gaps = [0, 0, 1, draw(5), 19, 20, draw(40)] as const;
      const steps = [0, 0, 0, 1, draw(20), 20, 3_600_000] as const;
      return { afterMs: oneOf(gaps, draw), backMs: oneOf(steps, draw) };
    }),
  );
}

/**
 * Plays them to a storage that believes the wall clock. Returns what is wrong, or null: more than the limit in a window
 * of the time that has really passed, or a wait of more than a whole window.
 */
export async function playClock(
  steps: ClockStep[],
  hit: (rule: LimitRule, wall: number) => Promise<LimitResult> | LimitResult,
): Promise<string | null> {
  const rule = { limit: 3, ttlMs: 20 };
  const admittedAt: number[] = [];
  let now = 0;
  let wall = 1_000_000_000;
  for (const { afterMs, backMs } of steps) {
    now += afterMs;
    wall += afterMs - backMs;
    const { admitted, retryAfterMs } = await hit(rule, wall);
    if (retryAfterMs > rule.ttlMs) return `a wait of ${retryAfterMs} ms at ${now}`;
    if (!admitted) continue;
    admittedAt.push(now);
    const inWindow = admittedAt.filter((at) => at > now - rule.ttlMs).length;
    if (inWindow > rule.limit) return `${inWindow} admitted within ${rule.ttlMs} ms of ${now}`;
  }
  return null;
}
