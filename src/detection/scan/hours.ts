import { logger } from '../../provide.js';
import type { ScanWindow } from '../detector.js';

export const HOUR_MS = 3_600_000;
/** Hours that are older than this when a scan finds them missing are left out. */
export const MAX_MISSED_HOURS = 7 * 24;

/** The hour of the clock that a moment is in. */
export function hourOf(ms: number): Date {
  return new Date(Math.floor(ms / HOUR_MS) * HOUR_MS);
}

export function hourFrom(from: Date): ScanWindow {
  return { from, to: new Date(from.getTime() + HOUR_MS) };
}

export function hoursBetween(fromMs: number, toMs: number): Date[] {
  const count = Math.ceil((toMs - fromMs) / HOUR_MS);
  return Array.from({ length: count }, (_, at) => new Date(fromMs + at * HOUR_MS));
}

export function sayMissed(hours: number, leftOut: number): void {
  if (leftOut > 0) {
    logger.warn(
      `no scan of the log has been made for more than 7 days: the oldest ${leftOut} hours are left out`,
    );
  }
  if (hours > 1) {
    logger.warn(`${hours} hours of the log have not been scanned: they are, one by one, now`);
  }
}
