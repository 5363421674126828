import type { Lines } from '../record/lines.js';
import type { SetAside } from '../spool/set-aside.js';
import type { Spool } from '../spool/spool.js';

/** What a {@link RequestQueue} needs. */
export interface RequestQueueOptions {
  /** Takes lines, adopted ones or of this process; a rejection means that none of them may be taken for kept. */
  write(lines: Lines, areAdopted: boolean): Promise<void>;
  /** Lets go of what {@link write} holds; a write that is under way may be cut off. */
  close(): Promise<void>;
  /** Keeps what the sink has not taken yet on disk; null for memory alone. */
  spool: Spool | null;
  /** Takes what will never be stored. */
  setAside: SetAside;
  /** How many records were pushed without what the host would have added. */
  unenriched(): number;
  /** How long a record waits for company before it is sent, in milliseconds. */
  flushIntervalMs: number;
  /** How long after its push a record that is not stored yet is in the spool, in milliseconds. */
  writeIntervalMs: number;
  /** How often what was spooled is brought to the disk, in milliseconds. */
  syncIntervalMs: number;
  /** Records of one write at most. */
  maxBatchSize: number;
  /** Records held in memory at most; beyond it the newest are dropped, and counted. */
  maxQueued: number;
  /** The longest pause between two attempts while writes fail, in milliseconds. */
  maxRetryMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Called when writes begin to fail, and with null when they pass again. */
  onOutage(error: unknown): void;
}
