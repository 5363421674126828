import { randomFillSync } from 'node:crypto';

/** Random bytes are drawn for this many ids at a time: one system call each would cost more than all the rest. */
const POOL_IDS = 512;
const BYTES_PER_ID = 10;
const DIGITS_PER_ID = 2 * BYTES_PER_ID;
const pool = Buffer.alloc(POOL_IDS * BYTES_PER_ID);
/** The pool as text, each id's part of it with its version and variant set. */
let digits = '';
let next = 0;
let lastMs = Number.NaN;
let timeDigits = '';

/**
 * A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits. Ids of one table grow with time, so
 * its index is written at one end.
 */
export function recordId(timestampMs: number): string {
  if (next === digits.length) draw();
  if (timestampMs !== lastMs) readTime(timestampMs);
  const at = next;
  next += DIGITS_PER_ID;
  return (
    timeDigits +
    digits.slice(at, at + 4) +
    '-' +
    digits.slice(at + 4, at + 8) +
    '-' +
    digits.slice(at + 8, at + DIGITS_PER_ID)
  );
}

function draw(): void {
  randomFillSync(pool);
  for (let at = 0; at < pool.length; at += BYTES_PER_ID) {
    pool[at] = (pool[at]! & 0x0f) | 0x70;
    pool[at + 2] = (pool[at + 2]! & 0x3f) | 0x80;
  }
  digits = pool.toString('hex');
  next = 0;
}

/** Requests of one millisecond share its text. */
function readTime(timestampMs: number): void {
  const text = Math.trunc(timestampMs).toString(16).padStart(12, '0');
  timeDigits = `${text.slice(-12, -4)}-${text.slice(-4)}-`;
  lastMs = timestampMs;
}
