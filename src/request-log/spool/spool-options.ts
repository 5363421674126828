import type { SpoolState } from './spool-condition.js';
import type { SpoolFiles, SpoolFilesNow } from './spool-files.js';

/** What a spool needs besides its folder. */
export interface SpoolOptions {
  files: SpoolFiles;
  filesNow: SpoolFilesNow;
  /** What all of this process' segments, adopted ones included, may take, in bytes. */
  maxBytes: number;
  /** After this many milliseconds without a sign of life another process' segments are adopted. */
  adoptAfterMs: number;
  /** Milliseconds of a clock that only moves forward. */
  now(): number;
  /** Called when the state changes, with the error that has made it `unavailable`. */
  onState(state: SpoolState, error: unknown): void;
}
