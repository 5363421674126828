import { durationInWords } from './duration-words.js';

const DAY_MS = 86_400_000;
/** So many detectors are named. */
const MOST_NAMED = 5;

/**
 * What `'ban'` would have done while `detection.response` is `'flag'`, for a line a day: whoever reads it for a week knows
 * what they switch on.
 */
export class WouldHave {
  private sinceMs: number;
  private bans = 0;
  private limits = 0;
  private softened = 0;
  private overBudget = 0;
  private refused = 0;
  private refusedUsers = 0;
  private readonly byDetector = new Map<string, number>();

  /** @param nowMs epoch milliseconds. */
  constructor(nowMs: number) {
    this.sinceMs = nowMs;
  }

  made(action: 'ban' | 'limit', detector: string): void {
    if (action === 'ban') this.bans += 1;
    else this.limits += 1;
    this.byDetector.set(detector, (this.byDetector.get(detector) ?? 0) + 1);
  }

  spared(isOverBudget: boolean): void {
    if (isOverBudget) this.overBudget += 1;
    else this.softened += 1;
  }

  /** A request that such a ban would have refused. */
  refuses(isOfUser: boolean): void {
    this.refused += 1;
    if (isOfUser) this.refusedUsers += 1;
  }

  /** The line, once a day of UTC has passed since the last one; null at any other time. Counts begin anew. */
  line(nowMs: number): string | null {
    if (Math.floor(nowMs / DAY_MS) === Math.floor(this.sinceMs / DAY_MS)) return null;
    const words = this.words(nowMs);
    this.sinceMs = nowMs;
    this.bans =
      this.limits =
      this.softened =
      this.overBudget =
      this.refused =
      this.refusedUsers =
        0;
    this.byDetector.clear();
    return words;
  }

  private words(nowMs: number): string {
    const length = durationInWords(Math.max(0, nowMs - this.sinceMs));
    const by = [...this.byDetector]
      .sort(([, one], [, other]) => other - one)
      .slice(0, MOST_NAMED)
      .map(([detector, count]) => `${detector} ${count}`)
      .join(', ');
    return (
      `detection.response is 'flag'. In ${length} 'ban' would have banned ${counted(this.bans, 'client')} and limited ${this.limits}` +
      `${by === '' ? '' : ` (${by})`}, and refused ${counted(this.refused, 'request')}, ${this.refusedUsers} of them by users who had signed in; ` +
      `${this.softened} bans would have been milder, and ${this.overBudget} not made for want of budget`
    );
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
