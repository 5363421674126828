import { errorCodeOf } from '../../database/connection-error.js';
import type { Lines } from '../record/lines.js';

/** How a write goes on: told in the order of the lines, so that what is told is over and done with. */
export interface WriteProgress {
  /** The next lines are stored. */
  stored(count: number): void;
  /** The next line is refused for good. */
  refused(line: string, error: unknown): void;
}

/**
 * Writes lines; where the store refuses the data itself, halves them until those that it refuses stand alone, so that
 * one poisonous row costs one row. A store that is gone or busy is not the rows' fault: that error is thrown on, and
 * what was told before it holds.
 */
export async function writeIsolating(
  lines: Lines,
  write: (lines: Lines) => Promise<void>,
  progress: WriteProgress,
): Promise<void> {
  try {
    await write(lines);
  } catch (error) {
    if (!isRefusedData(error)) throw error;
    if (lines.length === 1) {
      progress.refused(lines.at(0).toString(), error);
      return;
    }
    const middle = lines.length >>> 1;
    await writeIsolating(lines.slice(0, middle), write, progress);
    await writeIsolating(lines.slice(middle), write, progress);
    return;
  }
  progress.stored(lines.length);
}

/**
 * Whether the data is to blame: SQLSTATE classes 22 (data exception), 23 (integrity constraint violation) and 54
 * (program limit exceeded, as by a value too large for its index), and P0001, by which a trigger refuses a row.
 * Everything else may pass later, a missing table included.
 */
export function isRefusedData(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code !== null && /^(2[23]\w{3}|54\w{3}|P0001)$/.test(code);
}

/** Whether the store took too long: fewer rows at once may pass. */
export function isTimeout(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === '57014' || code === '55P03' || code === 'ETIMEDOUT';
}
