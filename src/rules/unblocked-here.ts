import { isTransient } from '../database/connection-error.js';
import { IpTrackingError, messageOf } from '../ip-tracking.errors.js';
import type { Prefix } from '../net/prefix.js';
import type { Pardons } from './pardons.js';

/**
 * Unblocks, or ends at least what this process alone holds where the database cannot be reached.
 *
 * @throws IpTrackingError `IPT_DATABASE_UNAVAILABLE` then, which says what has ended, and what has not.
 */
export async function orEndedHere<T>(
  { prefix, by, pardons }: { prefix: Prefix; by: string | null; pardons: Pardons },
  unblock: () => Promise<T>,
): Promise<T> {
  try {
    return await unblock();
  } catch (error) {
    if (!isTransient(error)) throw error;
    const words = described(prefix.toString(), pardons.pardonHere(prefix, by));
    throw new IpTrackingError('IPT_DATABASE_UNAVAILABLE', `${words}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function described(network: string, ended: readonly string[]): string {
  const stored = `rules that are stored for ${network} stay as they are: unblock it again once the database is back`;
  if (ended.length === 0) {
    return `nothing is unblocked: this process holds no ban of ${network} that is not stored, and ${stored}`;
  }
  return (
    `the ban of ${ended.join(', ')}, which this process held and had not stored, has ended; its pardon is stored, and ends the bans of ` +
    `other processes, once the database is back. But ${stored}`
  );
}
