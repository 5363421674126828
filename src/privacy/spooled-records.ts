import type { IpAddress } from '../net/ip-address.js';

/** The forms that an address may have been stored as at a moment, in epoch milliseconds. */
export type FormsAt = (timestampMs: number) => readonly IpAddress[];

/**
 * Records that are accepted and not in the table yet. Whoever holds some (a spool on disk, a queue in memory) implements
 * this, so that an address is erased and exported there, too.
 */
export interface SpooledRecords {
  /**
   * Keeps from the sink, from now on, the records whose `ip` equals one of the forms at the record's own `timestampMs`,
   * if that is before a moment; those included that are pushed later. The table looks after itself: see
   * `PersonalDataRepository#markErased`.
   */
  eraseAddress(forms: FormsAt, beforeMs: number): void;
  /**
   * Gives the records on their way whose `ip` equals one of the forms, as objects of the table's columns. Some of them
   * may be in the table by then.
   */
  exportAddress(forms: FormsAt): AsyncIterable<Record<string, unknown>>;
}
