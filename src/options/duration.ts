import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from './checks.js';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const LONGEST_MS = 3_650 * UNIT_MS.d;

/**
 * Reads a duration such as `30m`, `2h`, `1d12h` into milliseconds. Units are s, m, h, d and w, largest first or not.
 *
 * @throws IpTrackingError `IPT_INVALID_DURATION` for anything else, for zero, and for more than ten years.
 */
export function parseDuration(text: string): number {
  const parts = text.length <= 32 ? [...text.matchAll(/(\d{1,9})([smhdw])/g)] : [];
  const total = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS],
    0,
  );
  const isWhole = parts.map(([part]) => part).join('') === text;
  if (!isWhole || total <= 0 || total > LONGEST_MS) {
    throw new IpTrackingError(
      'IPT_INVALID_DURATION',
      `${show(text)} is not a duration: write a number and a unit, such as 30m, 2h, 7d or 1d12h (at most ten years)`,
    );
  }
  return total;
}

/**
 * Checks a duration in milliseconds: more than none, and at most ten years, so that what ends then is a date.
 *
 * @throws IpTrackingError `IPT_INVALID_DURATION`.
 */
export function durationMs(path: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1 && value <= LONGEST_MS) return;
  throw new IpTrackingError(
    'IPT_INVALID_DURATION',
    `${path} is ${show(value)}: give milliseconds, from 1 to ${LONGEST_MS} (ten years)`,
  );
}
