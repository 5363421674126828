/** What came of a replay. */
export class ReplaySummary {
  lines = 0;
  readonly #statuses = new Map<number, number>();
  readonly #errors = new Map<string, number>();
  readonly #unparsable: number[] = [];
  #unparsableLines = 0;

  get hasErrors(): boolean {
    return this.#errors.size > 0;
  }

  addStatus(status: number): void {
    increment(this.#statuses, status);
  }

  addError(code: string): void {
    increment(this.#errors, code);
  }

  addUnparsable(lineNumber: number): void {
    this.#unparsableLines++;
    if (this.#unparsable.length < LINE_NUMBERS_SHOWN) this.#unparsable.push(lineNumber);
  }

  describe(elapsedMs: number): string {
    const answers = [...this.#statuses.values()].reduce((sum, each) => sum + each, 0);
    const width = number(answers).length;
    const perSecond = Math.round(answers / Math.max(elapsedMs / 1000, 0.001));
    return [
      `${number(this.lines)} lines in ${(elapsedMs / 1000).toFixed(1)} s, ` +
        `${number(answers)} answers (${number(perSecond)} a second):`,
      ...sorted(this.#statuses).map(([status, n]) => `  ${status}  ${number(n).padStart(width)}`),
      ...(this.#unparsableLines === 0 ? [] : [this.#describeUnparsable()]),
      ...sorted(this.#errors).map(
        ([code, n]) =>
          `${number(n)} ${n === 1 ? 'request' : 'requests'} without an answer: ${code}`,
      ),
    ].join('\n');
  }

  #describeUnparsable(): string {
    const n = this.#unparsableLines;
    const more = n > this.#unparsable.length ? ', ...' : '';
    return (
      `${number(n)} ${n === 1 ? 'line' : 'lines'} without a request in the combined format, not sent: ` +
      `line ${this.#unparsable.join(', ')}${more}`
    );
  }
}

const LINE_NUMBERS_SHOWN = 5;

function increment<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted<Key extends string | number>(counts: Map<Key, number>): [Key, number][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function number(n: number): string {
  return n.toLocaleString('en-US');
}
