/** What ends is told in the order of its ends but for so much, in milliseconds; else the clock was set back. */
const OUT_OF_ORDER_MS = 60_000;

/**
 * A clock that is never set back, by the times that one tells which may be: what is counted by it goes on where the other
 * has been set back, as no window would end before the old time has come again.
 */
export class OnwardClock {
  /** By how much it is ahead of the other one. */
  ahead = 0;
  private last = Number.NEGATIVE_INFINITY;
  private readonly outOfOrder: number;

  /** @param perMs how many of its units are a millisecond. */
  constructor(perMs: number) {
    this.outOfOrder = OUT_OF_ORDER_MS * perMs;
  }

  /** A moment of the other one by this one. */
  at(moment: number): number {
    const back = this.last - (moment + this.ahead);
    if (back > this.outOfOrder) this.ahead += back;
    const onward = moment + this.ahead;
    this.last = Math.max(this.last, onward);
    return onward;
  }
}
