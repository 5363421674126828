import { describe, expect, it } from 'vitest';
import { parseIp } from '../../net/ip-address.js';
import { frameOf } from '../../../test/support/plain-line.js';
import { linesOf } from '../record/line-writer.js';
import { recordOf } from '../record/record-line.js';
import { recordId } from '../record/record-id.js';
import type { LogRecord } from '../record/request-record.js';
import { framesOf, readFrames } from './spool-frame.js';

const HOSTILE = [
  'a\tb',
  'a\nb',
  'a\r\nb',
  '\\N',
  '\\',
  '\\t',
  '\u001e',
  '\u001e0000',
  'é',
  '🎉',
  '\u0001',
];

const record = (path: string, userAgent: string | null = null): LogRecord => ({
  id: recordId(1_763_683_200_123),
  timestampMs: 1_763_683_200_123,
  ip: parseIp('2001:db8::1'),
  ipSource: 'socket',
  method: 'GET',
  path,
  route: null,
  status: 200,
  outcome: 'served',
  durationUs: 1_234,
  country: 'DE',
  city: 'Köln',
  userAgent,
  userId: null,
  sensitive: false,
  ruleId: null,
  reason: null,
  repeats: 0,
  signals: null,
  attemptedUser: null,
});

const LINES = linesOf([...HOSTILE, '/plain', '/last'].map((path) => record(path)));
const SPOOL = framesOf(LINES);
const ALL = readFrames(SPOOL, true).lines;

const lineOf = (given: LogRecord): string => [...linesOf([given])].join();

describe('a line', () => {
  it.each(HOSTILE)('gives back a record with %j in it', (text) => {
    const given = { ...record(text, text), userId: text, ruleId: 7, sensitive: true };
    expect(recordOf(lineOf(given))).toEqual(given);
    for (const telling of ['\n', '\r', '\u001e']) expect(lineOf(given)).not.toContain(telling);
  });

  it('gives back what a host has added', () => {
    const given = { ...record('/'), extra: { tenant: 'a\tb', deep: [1, '\\'] } };
    expect(recordOf(lineOf(given))).toEqual(given);
  });
});

describe('a segment', () => {
  it('has each line with its checksum', () => {
    expect(SPOOL.toString()).toBe([...LINES].map(frameOf).join(''));
  });

  it('gives back its lines', () => {
    expect(ALL.map((line) => recordOf(line).path)).toEqual([...HOSTILE, '/plain', '/last']);
    expect(readFrames(SPOOL, true)).toMatchObject({ torn: 0, consumed: SPOOL.length });
  });

  it('cut off anywhere gives an exact prefix, and counts what is not whole', () => {
    for (let size = 0; size <= SPOOL.length; size += 1) {
      const { lines, torn, damaged } = readFrames(SPOOL.subarray(0, size), true);
      expect(lines).toEqual(ALL.slice(0, lines.length));
      const whole = lines.map(frameOf).join('').length;
      expect(torn).toBe(damaged.length);
      // A record is whole without its newline.
      const rest = size - Buffer.byteLength(lines.map(frameOf).join(''));
      expect(torn).toBe(rest > 0 ? 1 : 0);
      expect(whole).toBeLessThanOrEqual(SPOOL.length);
    }
  });

  it('with any byte changed to any of the telling ones loses at most the record of that byte', () => {
    for (let at = 0; at < SPOOL.length; at += 1) {
      for (const byte of [0x00, 0x0a, 0x1e, SPOOL[at]! ^ 0x01]) {
        if (SPOOL[at] === byte) continue;
        const bytes = Buffer.from(SPOOL);
        bytes[at] = byte;
        const { lines, torn, consumed } = readFrames(bytes, true);
        expect(consumed).toBe(bytes.length);
        expect(lines.length + torn, `byte ${at} as ${byte}`).toBe(ALL.length);
        expect(torn).toBeLessThanOrEqual(1);
        expect(lines.every((line) => ALL.includes(line))).toBe(true);
      }
    }
  });

  it('read in pieces of any size is the same', () => {
    for (let size = 1; size < SPOOL.length; size += 97) {
      const lines: string[] = [];
      for (let from = 0, upTo = size; from < SPOOL.length; upTo += size) {
        const end = Math.min(upTo, SPOOL.length);
        const frames = readFrames(SPOOL.subarray(from, end), end === SPOOL.length);
        lines.push(...frames.lines);
        from += frames.consumed;
        expect(frames.torn).toBe(0);
      }
      expect(lines).toEqual(ALL);
    }
  });
});
