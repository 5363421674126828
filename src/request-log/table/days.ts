/** A day of UTC, in milliseconds; partitions are days. */
export const DAY_MS = 86_400_000;

const NAME = /^request_log_(\d{4})(\d\d)(\d\d)$/;

/** The first millisecond of the day (UTC) that a moment lies in. */
export function dayOf(epochMs: number): number {
  return Math.floor(epochMs / DAY_MS) * DAY_MS;
}

/** `2026-01-31` for a day given by its first millisecond (UTC). */
export function dateOf(startMs: number): string {
  return new Date(startMs).toISOString().slice(0, 10);
}

/** The first millisecond of the day that a partition of ours is for; null for any other table. */
export function dayOfPartition(name: string): number | null {
  const [, year, month, day] = NAME.exec(name) ?? [];
  const startMs = Date.parse(`${year}-${month}-${day}T00:00:00Z`);
  return Number.isNaN(startMs) ? null : startMs;
}
