import type { LineTime } from './line-time.js';
import { LINE_TIME_LENGTH } from './line-time.js';

/** A line of JSON, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The object that a line holds; null where it holds anything else. */
export function parseObject(text: string): JsonObject | null {
  const value = parse(text) ?? (text.includes('\\x') ? parse(withJsonEscapes(text)) : null);
  return isObject(value) ? value : null;
}

/** Whether a value is an object with fields. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first of the fields that holds a text other than `-`, which stands for one that was not there; else null. */
export function textIn(object: JsonObject, names: readonly string[]): string | null {
  for (const name of names) {
    const value = object[name];
    if (typeof value === 'string' && value !== '-') return value;
  }
  return null;
}

/** The first of the fields that holds a number, also one within quotes; else null. */
export function numberIn(object: JsonObject, names: readonly string[]): number | null {
  for (const name of names) {
    const value = object[name];
    if (typeof value === 'number') return value;
    if (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) {
      return Number(value);
    }
  }
  return null;
}

/** A status of three digits; 0 for anything else. */
export function statusOf(value: number | null): number {
  return value !== null && Number.isInteger(value) && value >= 0 && value <= 999 ? value : 0;
}

/** Epoch milliseconds of `2015-05-17T10:05:03+00:00`, which is UTC where it names no zone; NaN where it is no time. */
export function isoTimeMs(text: string): number {
  // Date.parse also takes what people write, in the zone of the machine that it runs on.
  const looksLikeIso = text[4] === '-' && text[7] === '-' && (text[10] === 'T' || text[10] === ' ');
  if (!looksLikeIso) return Number.NaN;
  const hasZone = text.endsWith('Z') || '+-'.includes(text.at(-6)!) || '+-'.includes(text.at(-5)!);
  return Date.parse(`${text.slice(0, 10)}T${text.slice(11)}${hasZone ? '' : 'Z'}`);
}

/** Epoch milliseconds of `17/May/2015:10:05:03 +0000`; NaN where it is no such time. */
export function lineTimeMs(text: string, time: LineTime): number {
  return text.length === LINE_TIME_LENGTH ? time.read(Buffer.from(text, 'latin1'), 0) : Number.NaN;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * nginx writes `\xHH` into a log of JSON whose format lacks `escape=json`, which is no JSON. It does so for the quotes
 * and the bytes that attackers send: of all lines, these must not be lost.
 */
function withJsonEscapes(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|.)/gs, (escape, hex?: string) =>
    hex === undefined ? escape : `\\u00${hex}`,
  );
}
