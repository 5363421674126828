import type * as FileSystem from 'node:fs/promises';

/** The part of `node:fs/promises` that the spool uses; a test hands in one that fails. */
export type SpoolFiles = Pick<
  typeof FileSystem,
  'open' | 'mkdir' | 'readdir' | 'rename' | 'rm' | 'rmdir' | 'stat' | 'writeFile' | 'appendFile'
>;
