const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** A duration for people, in its two largest units: `4 hours 12 minutes`, `7 days`, `less than a minute`. */
export function durationInWords(ms: number): string {
  let rest = Math.round(ms / 60_000) * 60_000;
  const parts: string[] = [];
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
    // What comes after the second unit is nobody's concern.
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? 'less than a minute' : parts.join(' ');
}
