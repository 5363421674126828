import type { IpAddress } from '../net/ip-address.js';

/** The forms that an address may have been stored as at a moment, in epoch milliseconds. */
export type FormsAt = (timestampMs: number) => readonly IpAddress[];

/**
 * Records that are accepted and not in the table yet. Whoever holds some (a spool on disk, a queue in memory) implements
 * this, and an address is erased and exported there, too.
 */
export interface SpooledRecords {
  /**
   * Removes the records whose `ip` equals one of the forms at the record's own `timestampMs`. Called before the table is
   * searched: once it has resolved, no such record that had been accepted before the call may reach the table any more.
   *
   * @returns how many records were removed.
   */
  eraseAddress(forms: FormsAt): Promise<number>;
  /** Gives the records that {@link eraseAddress} would remove, as objects of the table's columns. */
  exportAddress(forms: FormsAt): AsyncIterable<Record<string, unknown>>;
}
