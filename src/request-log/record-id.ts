import { randomFillSync } from 'node:crypto';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** Random bytes are drawn for this many ids at a time: one system call each would cost more than all the rest. */
const POOL_IDS = 512;
const pool = new Uint8Array(POOL_IDS * 10);
let next = pool.length;

/**
 * A UUIDv7 (RFC 9562 section 5.7): 48 bits of milliseconds, then 74 random bits. Ids of one table grow with time, so
 * its index is written at one end.
 */
export function recordId(timestampMs: number): string {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const at = next;
  next += 10;
  const high = Math.floor(timestampMs / 2 ** 32);
  const low = timestampMs >>> 0;
  const hex = (offset: number): string => HEX[pool[at + offset]!]!;
  return (
    HEX[(high >>> 8) & 0xff]! +
    HEX[high & 0xff]! +
    HEX[low >>> 24]! +
    HEX[(low >>> 16) & 0xff]! +
    '-' +
    HEX[(low >>> 8) & 0xff]! +
    HEX[low & 0xff]! +
    '-' +
    HEX[(pool[at]! & 0x0f) | 0x70]! +
    hex(1) +
    '-' +
    HEX[(pool[at + 2]! & 0x3f) | 0x80]! +
    hex(3) +
    '-' +
    hex(4) +
    hex(5) +
    hex(6) +
    hex(7) +
    hex(8) +
    hex(9)
  );
}
