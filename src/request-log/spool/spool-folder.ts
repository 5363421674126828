import { randomBytes } from 'node:crypto';
import type * as FileSystem from 'node:fs/promises';
import { join } from 'node:path';

/** The part of `node:fs/promises` that the spool uses; a test hands in one that fails. */
export type SpoolFiles = Pick<
  typeof FileSystem,
  'open' | 'mkdir' | 'readdir' | 'rename' | 'rm' | 'rmdir' | 'stat' | 'writeFile' | 'appendFile'
>;

const HEARTBEAT = 'heartbeat';
const SEGMENT = '.segment';
/** Holds nothing: shows whether there is room. */
const PROBE = 'probe';
/** A folder that is being made or taken apart: nobody's to adopt. */
const UNFINISHED = '.new-';

/**
 * One process' folder among those of others. A process shows that it lives by writing to its heartbeat; a folder whose
 * heartbeat has stopped is adopted by renaming it, which one process alone can do. Process ids say nothing (in
 * containers they are all 1), and a socket says nothing to another machine.
 *
 * A process that was merely stopped finds its heartbeat gone when it goes on, and so knows that what it has spooled is
 * in other hands. Ages are told by the clock of the file system alone, so that the machines' clocks may differ.
 */
export class SpoolFolder {
  /** Names this process' segments, wherever they end up. */
  readonly owner = `${Date.now().toString(36)}-${randomBytes(6).toString('hex')}`;
  readonly path: string;
  private isOpen = false;

  constructor(
    readonly root: string,
    private readonly files: SpoolFiles,
  ) {
    this.path = join(root, this.owner);
  }

  /** Makes the folder, unless it is there. It appears with its heartbeat in it: nobody takes it for abandoned. */
  async open(): Promise<void> {
    if (this.isOpen) return;
    const unfinished = join(this.root, UNFINISHED + this.owner);
    await this.files.mkdir(unfinished, { recursive: true, mode: 0o700 });
    await this.files.writeFile(join(unfinished, HEARTBEAT), '.', { mode: 0o600 });
    await this.files.rename(unfinished, this.path);
    this.isOpen = true;
  }

  /**
   * Shows that this process lives.
   *
   * @returns false where another process has adopted the folder: what is in it is not ours any more. The next
   *   {@link open} makes a new one.
   * @throws the error of the file system where neither is known.
   */
  async beat(): Promise<boolean> {
    if (!this.isOpen) return true;
    try {
      await this.files.writeFile(join(this.path, HEARTBEAT), '.', { flag: 'r+' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.isOpen = false;
      return false;
    }
  }

  /**
   * Takes over the folders of processes that have given no sign of life for a while.
   *
   * @returns the paths of all adopted segments that are in this process' folder now.
   */
  async adopt(adoptAfterMs: number): Promise<string[]> {
    await this.open();
    const now = await this.beatOf(this.path);
    if (now === null) return [];
    for (const entry of await this.files.readdir(this.root, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name === this.owner || entry.name.startsWith('.')) continue;
      const path = join(this.root, entry.name);
      const beatAt = await this.beatOf(path);
      if (beatAt !== null && now - beatAt < adoptAfterMs) continue;
      await this.take(path, join(this.path, `from-${entry.name}`));
    }
    const segments: string[] = [];
    for (const entry of await this.files.readdir(this.path, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      segments.push(...(await this.segmentsIn(join(this.path, entry.name))));
    }
    return segments;
  }

  /**
   * Writes so many bytes, and removes them again.
   *
   * @throws the error of the file system where it does not take them.
   */
  async probe(bytes: number): Promise<void> {
    await this.open();
    const path = join(this.path, PROBE);
    try {
      await this.files.writeFile(path, Buffer.alloc(bytes), { mode: 0o600 });
    } finally {
      await this.files.rm(path, { force: true });
    }
  }

  /** Leaves the folder to whoever comes next, without waiting for its heartbeat to grow cold; removes it if it is empty. */
  async leave(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.files.rm(join(this.path, HEARTBEAT), { force: true });
    await this.removeEmpty(this.path);
  }

  /** Where the next segment of this process goes. */
  segmentPath(sequence: number): string {
    return join(this.path, `${this.owner}-${sequence}${SEGMENT}`);
  }

  private async take(path: string, mine: string): Promise<void> {
    try {
      await this.files.rename(path, mine);
      await this.files.rm(join(mine, HEARTBEAT), { force: true });
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  private async segmentsIn(folder: string): Promise<string[]> {
    const entries = await this.files.readdir(folder, { withFileTypes: true });
    const nested = entries.filter((entry) => entry.isDirectory());
    const segments = entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(SEGMENT))
      .map((entry) => join(folder, entry.name));
    for (const entry of nested) segments.push(...(await this.segmentsIn(join(folder, entry.name))));
    return segments;
  }

  private async removeEmpty(folder: string): Promise<void> {
    const entries = await this.files.readdir(folder, { withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) await this.removeEmpty(join(folder, entry.name));
    }
    await this.files.rmdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error;
    });
  }

  /** When a folder's heartbeat was written, by the clock of the file system; null where it has none. */
  private async beatOf(folder: string): Promise<number | null> {
    try {
      return (await this.files.stat(join(folder, HEARTBEAT))).mtimeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}
