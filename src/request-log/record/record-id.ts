import { randomFillSync } from 'node:crypto';

/** Random bytes are drawn for this many ids at a time: one system call each would cost more than all the rest. */
const POOL_IDS = 512;
const BYTES_PER_ID = 8;
const DIGITS_PER_ID = 2 * BYTES_PER_ID;
const pool = Buffer.alloc(POOL_IDS * BYTES_PER_ID);
/** The pool as text, each id's part of it with its variant set. */
let digits = '';
let next = 0;
let lastMs = Number.NaN;
let timeDigits = '';
/** Of the ids of one millisecond, in the order of their making; 12 bits, from `0x7000` for the version. */
let counter = 0;
const FIRST_COUNTER = 0x7000;
const LAST_COUNTER = 0x7fff;

/**
 * A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, a counter of 12 bits that begins anew, at random, with each
 * millisecond (section 6.2, method 1), and 62 random bits. Ids of one table grow with time, so its index is written at
 * one end, and what this process has logged of one millisecond is in the order in which it ended.
 */
export function recordId(timestampMs: number): string {
  if (next === digits.length) draw();
  const at = next;
  next += DIGITS_PER_ID;
  if (timestampMs !== lastMs || counter === LAST_COUNTER) readTime(timestampMs, at);
  else counter += 1;
  return (
    timeDigits +
    counter.toString(16) +
    '-' +
    digits.slice(at, at + 4) +
    '-' +
    digits.slice(at + 4, at + DIGITS_PER_ID)
  );
}

function draw(): void {
  randomFillSync(pool);
  for (let at = 0; at < pool.length; at += BYTES_PER_ID) {
    pool[at] = (pool[at]! & 0x3f) | 0x80;
  }
  digits = pool.toString('hex');
  next = 0;
}

/** Requests of one millisecond share its text. The counter's upper bit is free at first, so that it has room to grow. */
function readTime(timestampMs: number, at: number): void {
  const text = Math.trunc(timestampMs).toString(16).padStart(12, '0');
  timeDigits = `${text.slice(-12, -4)}-${text.slice(-4)}-`;
  lastMs = timestampMs;
  counter = FIRST_COUNTER + (Number.parseInt(digits.slice(at + 1, at + 4), 16) & 0x7ff);
}
