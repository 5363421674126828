const QUOTE = 34;
const BACKSLASH = 92;

/** Where the quoted field ends that began before `from`; -1 where it has no end before `end`. */
export function closingQuote(bytes: Buffer, from: number, end: number): number {
  let quote = bytes.indexOf(QUOTE, from);
  while (quote >= 0 && quote < end) {
    if (bytes[quote - 1] !== BACKSLASH) return quote;
    let slashes = quote;
    while (slashes > from && bytes[slashes - 1] === BACKSLASH) slashes--;
    // Two backslashes are one that was sent; an odd one escapes the quote.
    if (((quote - slashes) & 1) === 0) return quote;
    quote = bytes.indexOf(QUOTE, quote + 1);
  }
  return -1;
}

const ESCAPES: Record<string, string> = { b: '\b', n: '\n', r: '\r', t: '\t', v: '\v' };

/** What Apache and nginx escape in a field, as it was sent: `\"`, `\\`, `\xHH` for a byte, and C's letters. */
export function unescapeField(field: string): string {
  if (!field.includes('\\')) return field;
  return field.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/gs, (_, hex?: string, character = '') =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (ESCAPES[character] ?? character),
  );
}
