import { isTransient } from '../database/connection-error.js';

/**
 * Writes a batch; where the store refuses the data itself, halves the batch until the rows that it refuses stand alone,
 * so that one poisonous row costs one row. A store that is gone or busy is not the rows' fault: that error is thrown on.
 *
 * @returns how many records were refused for good.
 */
export async function writeIsolating<R>(
  records: readonly R[],
  write: (records: readonly R[]) => Promise<void>,
  onRefused: (record: R, error: unknown) => void,
): Promise<number> {
  try {
    await write(records);
    return 0;
  } catch (error) {
    if (isTransient(error) || !isRefusedData(error)) throw error;
    if (records.length === 1) {
      onRefused(records[0]!, error);
      return 1;
    }
    const middle = records.length >>> 1;
    const first = await writeIsolating(records.slice(0, middle), write, onRefused);
    return first + (await writeIsolating(records.slice(middle), write, onRefused));
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation). */
function isRefusedData(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^2[23]\w{3}$/.test(code);
}
