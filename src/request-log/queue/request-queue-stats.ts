import type { SpoolState } from '../spool/spool-condition.js';

/**
 * The queue's counters, since the process started:
 * `enqueued + adopted = written + dropped + refused + handedOver + queued`, at any moment.
 */
export interface RequestQueueStats {
  /** Records that were pushed. */
  enqueued: number;
  /** Records read from segments of processes that are gone. */
  adopted: number;
  /** Records that the sink has, and those that were erased before it got them. */
  written: number;
  /** Records for which there was no room, or which the disk has damaged. */
  dropped: number;
  /** Records whose data the sink would not take. */
  refused: number;
  /** Records that another process delivers, which took this one for dead. */
  handedOver: number;
  /** Records on their way, in memory and on disk. */
  queued: number;
  /** Those of them that only the disk has. */
  spooled: number;
  /** What the segments with records take, in bytes, records included that are delivered already or not counted yet. */
  spooledBytes: number;
  /** Refused records that are kept in a file. */
  quarantined: number;
  /** Writes that failed and were, or will be, tried again. */
  retried: number;
  /** Records in pieces of the spool that were not whole. */
  torn: number;
  /** Records without `extra`, because `requestLog.enrich` threw or gave what cannot be stored. */
  unenriched: number;
  /** `off`: there is no spool. */
  spool: SpoolState | 'off';
  /**
   * How often what has waited for too long could not be stored at once, because the disk was slow or has refused: for a
   * minute then a killed process may lose more than `writeIntervalMs` says.
   */
  spoolPauses: number;
  /** Whether the last write failed. */
  isFailing: boolean;
}
