/** What a host may add to one record, as JSON in UTF-8. */
export const MAX_EXTRA_BYTES = 8_192;
/** What is nested deeper than this is cut. */
const MAX_DEPTH = 32;

/** Why what a host adds to a record cannot be stored: a few messages, each the same for all of its kind. */
export class UnstorableExtraError extends Error {
  override readonly name = 'UnstorableExtraError';
}

/**
 * A host's addition to a record as a plain value that `jsonb` takes, whatever it was made of: a BigInt is its digits,
 * U+0000 and lone surrogates are U+FFFD, a circle and what lies too deep are cut, and what JSON does not know
 * (functions, symbols, undefined) is left out. Null for no addition.
 *
 * @throws UnstorableExtraError for a promise, for what is no plain object, and beyond {@link MAX_EXTRA_BYTES}: half of
 * it would say something else. Whatever a getter or a `toJSON` of it throws.
 */
export function storableExtra(value: unknown): Record<string, unknown> | null {
  if (value === undefined || value === null) return null;
  refuseOthers(value);
  const text = JSON.stringify(value, replacer());
  if (text === undefined || !text.startsWith('{')) throw notPlain();
  const storable = text.includes('\\u') ? withoutUnstorableEscapes(text) : text;
  if (Buffer.byteLength(storable) > MAX_EXTRA_BYTES) throw tooLarge();
  return JSON.parse(storable) as Record<string, unknown>;
}

function refuseOthers(value: unknown): void {
  if (typeof value !== 'object' || value === null) throw notPlain();
  if (typeof (value as { then?: unknown }).then === 'function') {
    // Nobody else waits for it, and a rejection that nobody has seen would end the process.
    Promise.resolve(value).catch(() => undefined);
    throw new UnstorableExtraError('it gave a promise, which is not waited for');
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of any realm: the prototype of all objects has none itself.
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (Array.isArray(value) || !isPlain) throw notPlain();
}

/** Cuts circles and depth, and gives up as soon as it is clear that the result would be too large. */
function replacer(): (this: unknown, key: string, value: unknown) => unknown {
  const holders: unknown[] = [];
  let least = 0;
  return function (key, value) {
    // A value takes a byte or more, and its name and a text what they are long.
    least += 1 + (Array.isArray(this) ? 0 : key.length);
    if (typeof value === 'string') least += value.length;
    if (least > MAX_EXTRA_BYTES) throw tooLarge();
    if (typeof value === 'bigint') return value.toString();
    if (typeof value !== 'object' || value === null) return value;
    while (holders.length > 0 && holders.at(-1) !== this) holders.pop();
    if (holders.includes(value)) return '[circular]';
    if (holders.length >= MAX_DEPTH) return '[too deep]';
    holders.push(value);
    return value;
  };
}

/** JSON escapes nothing but U+0000 and its like, and halves of surrogate pairs: PostgreSQL takes neither. */
function withoutUnstorableEscapes(json: string): string {
  return json.replace(/\\(?:u(0000|d[89a-f][\da-f]{2})|.)/g, (escape, unit?: string) =>
    unit === undefined ? escape : '\uFFFD',
  );
}

function notPlain(): UnstorableExtraError {
  return new UnstorableExtraError('it gave something other than a plain object');
}

function tooLarge(): UnstorableExtraError {
  return new UnstorableExtraError(`it gave more than ${MAX_EXTRA_BYTES} bytes of JSON`);
}
