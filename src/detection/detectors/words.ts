const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** A number with what is counted: `1 request`, `1,200 requests`. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** A stretch of time as people say it: `an hour`, `10 seconds`. */
export function windowInWords(ms: number): string {
  if (ms === HOUR_MS) return 'an hour';
  if (ms === MINUTE_MS) return 'a minute';
  if (ms % HOUR_MS === 0) return countOf(ms / HOUR_MS, 'hour');
  if (ms % MINUTE_MS === 0) return countOf(ms / MINUTE_MS, 'minute');
  return countOf(ms / 1_000, 'second');
}

/** The first of some texts, and how many more there are; empty for none. */
export function firstOf(texts: readonly string[]): string {
  const [first, ...others] = texts;
  if (first === undefined) return '';
  return others.length === 0 ? `: ${first}` : `: ${first} and ${others.length} more`;
}

/** What signals of a kind are called without it: `probe:secrets` is `secrets`. */
export function kindsOf(signals: readonly string[], kind: string): string {
  return signals
    .filter((name) => name.startsWith(`${kind}:`))
    .map((name) => name.slice(kind.length + 1))
    .join(', ');
}
