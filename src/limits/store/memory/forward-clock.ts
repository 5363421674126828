/**
 * A clock that never runs backwards. If the one it reads steps back, time goes on from where it was: no bucket opens,
 * and none stays shut for the difference.
 */
export class ForwardClock {
  /** What {@link tick} answered last. */
  latest = Number.NEGATIVE_INFINITY;
  private offset = 0;

  constructor(private readonly read: () => number) {}

  /** The time now, in the unit of the clock that is read. */
  tick(): number {
    const read = this.read();
    if (read + this.offset < this.latest) this.offset = this.latest - read;
    this.latest = read + this.offset;
    return this.latest;
  }
}
