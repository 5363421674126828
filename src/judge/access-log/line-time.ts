/** `17/May/2015:10:05:03 +0000`. */
export const LINE_TIME_LENGTH = 26;

const SLASH = 47;
const COLON = 58;
const SPACE = 32;
const PLUS = 43;
const MINUS = 45;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

const MONTHS = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map(
    (name, month) => [
      (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2),
      month,
    ],
  ),
);

/** Reads the times of Apache's and nginx's logs, of which one follows another within the same day. */
export class LineTime {
  private day = -1;
  private month = -1;
  private year = -1;
  /** Midnight of that day, in UTC. */
  private midnightMs = Number.NaN;

  /** Epoch milliseconds of the 26 bytes at `at`; NaN where they are no time. The caller sees to it that they exist. */
  read(bytes: Uint8Array, at: number): number {
    if (
      bytes[at + 2] !== SLASH ||
      bytes[at + 6] !== SLASH ||
      bytes[at + 11] !== COLON ||
      bytes[at + 14] !== COLON ||
      bytes[at + 17] !== COLON ||
      bytes[at + 20] !== SPACE
    ) {
      return Number.NaN;
    }
    const day = twoDigits(bytes, at);
    const month = (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
    const year = twoDigits(bytes, at + 7) * 100 + twoDigits(bytes, at + 9);
    if (day !== this.day || month !== this.month || year !== this.year) {
      this.turnTo(day, month, year);
    }
    const hour = twoDigits(bytes, at + 12);
    const minute = twoDigits(bytes, at + 15);
    const second = twoDigits(bytes, at + 18);
    // A leap second is written as the 60th.
    if (!(hour < 24 && minute < 60 && second <= 60)) return Number.NaN;
    return (
      this.midnightMs + hour * HOUR_MS + minute * MINUTE_MS + second * 1_000 - zoneMs(bytes, at)
    );
  }

  private turnTo(day: number, month: number, year: number): void {
    const monthIndex = MONTHS.get(month);
    const midnight = new Date(Date.UTC(year, monthIndex ?? 0, day));
    // The 31st of a shorter month would be a day of the next, and a year 99 would be 1999.
    const isDay = monthIndex !== undefined && midnight.getUTCDate() === day && year >= 1970;
    this.day = day;
    this.month = month;
    this.year = year;
    this.midnightMs = isDay ? midnight.getTime() : Number.NaN;
  }
}

function zoneMs(bytes: Uint8Array, at: number): number {
  const sign = bytes[at + 21];
  if (sign !== PLUS && sign !== MINUS) return Number.NaN;
  const hours = twoDigits(bytes, at + 22);
  const minutes = twoDigits(bytes, at + 24);
  if (!(hours <= 14 && minutes < 60)) return Number.NaN;
  const offsetMs = hours * HOUR_MS + minutes * MINUTE_MS;
  return sign === PLUS ? offsetMs : -offsetMs;
}

/** NaN where one of them is no digit. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 48;
  const ones = bytes[at + 1]! - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}
