/** One timer for each of some names; none of them keeps the process alive. */
export class Timers<Name extends string> {
  private readonly timers = new Map<Name, NodeJS.Timeout>();

  constructor(private readonly onDue: (name: Name) => void) {}

  /** Sets a timer, unless it is set. */
  set(name: Name, delayMs: number): void {
    if (this.timers.has(name)) return;
    const timer = setTimeout(() => {
      this.timers.delete(name);
      this.onDue(name);
    }, delayMs);
    timer.unref();
    this.timers.set(name, timer);
  }

  clear(name: Name): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }

  clearAll(): void {
    for (const name of this.timers.keys()) this.clear(name);
  }
}
