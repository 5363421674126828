import type * as FileSystemNow from 'node:fs';
import type * as FileSystem from 'node:fs/promises';

/** The part of `node:fs/promises` that the spool uses; a test hands in one that fails. */
export type SpoolFiles = Pick<
  typeof FileSystem,
  'open' | 'mkdir' | 'readdir' | 'rename' | 'rm' | 'rmdir' | 'stat' | 'writeFile' | 'appendFile'
>;

/** The part of `node:fs` that it uses where a turn of the event loop cannot be waited for. */
export type SpoolFilesNow = Pick<
  typeof FileSystemNow,
  'writeSync' | 'writeFileSync' | 'mkdirSync' | 'renameSync' | 'rmSync' | 'existsSync'
>;

/** Nothing where there is none: what was delivered is removed, and what another process adopts is elsewhere. */
export function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
