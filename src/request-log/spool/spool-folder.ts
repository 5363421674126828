import { randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import type { SpoolFiles, SpoolFilesNow } from './spool-files.js';
import { SPOOL_LABEL, type SpoolPlace, type SpoolProcesses } from './spool-place.js';

/** Written to for as long as a process lives. */
export const HEARTBEAT = 'heartbeat';
const SEGMENT = '.segment';
/** Holds nothing: shows whether there is room. */
const PROBE = 'probe';
/** A folder that is being made or taken apart: nobody's to adopt. */
const UNFINISHED = '.new-';
const ADOPTED = 'from-';

/** What {@link SpoolFolder.adopt} has found. */
export interface Adoption {
  /** The paths of all adopted segments that are in this process' folder now. */
  readonly segments: readonly string[];
  /** Whether all that was adopted before was given back. */
  readonly isReleased: boolean;
}

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
  private path = '';
  private root: string | null = null;
  private isOpen = false;
  /** For whom the folder holds what it holds; null before anybody's was adopted. */
  private claimed: SpoolProcesses | null = null;

  constructor(
    private readonly place: SpoolPlace,
    private readonly files: SpoolFiles,
  ) {}

  /** Names the place that adopted records go to, if that is where this process' own go right now; else null. */
  get adoptedGoTo(): string | null {
    const whose = this.claimed?.whose ?? null;
    return this.place.whoseNow === whose ? whose : null;
  }

  /** Makes the folder, unless it is there. It appears with its heartbeat in it: nobody takes it for abandoned. */
  async open(): Promise<void> {
    if (this.isOpen) return;
    const root = await this.place.root();
    this.root = root;
    const unfinished = join(root, UNFINISHED + this.owner);
    await this.files.mkdir(unfinished, { recursive: true, mode: 0o700 });
    await this.files.writeFile(join(unfinished, HEARTBEAT), '.', { mode: 0o600 });
    this.path = join(root, this.owner);
    await this.files.rename(unfinished, this.path);
    this.isOpen = true;
    this.claimed = null;
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

  /** Whose folders there are to {@link adopt} from; takes as long as the database takes to say who it is. */
  processes(): Promise<SpoolProcesses | null> {
    return this.place.processes();
  }

  /**
   * Takes over the folders of those processes that have given no sign of life for a while. Their records go where this
   * one's go. What was adopted for another place (a database that has been replaced meanwhile) is given back first.
   */
  async adopt(processes: SpoolProcesses | null, adoptAfterMs: number): Promise<Adoption> {
    await this.open();
    const now = await this.beatOf(this.path);
    if (now === null || processes === null) return { segments: [], isReleased: false };
    const isReleased = await this.claim(processes);
    for (const path of processes.paths) {
      if (path === this.path) continue;
      const beatAt = await this.beatOf(path);
      if (beatAt !== null && now - beatAt < adoptAfterMs) continue;
      // A name of its own each time: a process that was merely stopped comes back under its old one, and may end then.
      await this.take(path, join(this.path, ADOPTED + randomBytes(6).toString('hex')));
    }
    const segments: string[] = [];
    for (const path of await this.adopted()) segments.push(...(await this.segmentsIn(path)));
    return { segments, isReleased };
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
    if ((await this.segmentsIn(this.path)).length === 0) await this.unlabel(this.path);
    await this.removeEmpty(this.path);
  }

  /** Whether it is there, and nobody has adopted it. */
  isOurs(files: Pick<SpoolFilesNow, 'existsSync'>): boolean {
    return this.isOpen && files.existsSync(join(this.path, HEARTBEAT));
  }

  /**
   * As {@link leave}, before it returns, and with one more segment in it; where the folder is not ours any more, in a new
   * one.
   *
   * @throws the error of the file system.
   */
  leaveNow(segment: Buffer, files: SpoolFilesNow): void {
    const name = `${this.owner}-last`;
    if (this.isOurs(files)) {
      files.writeFileSync(join(this.path, name + SEGMENT), segment, { mode: 0o600 });
      files.rmSync(join(this.path, HEARTBEAT), { force: true });
    } else {
      if (this.root === null) throw new Error('there is no folder for it yet');
      const unfinished = join(this.root, UNFINISHED + name);
      files.mkdirSync(unfinished, { recursive: true, mode: 0o700 });
      files.writeFileSync(join(unfinished, name + SEGMENT), segment, { mode: 0o600 });
      files.renameSync(unfinished, join(this.root, name));
    }
    this.isOpen = false;
  }

  /** Where the next segment of this process goes. */
  segmentPath(sequence: number): string {
    return join(this.path, `${this.owner}-${sequence}${SEGMENT}`);
  }

  /** Notes whose the folder is from now on. @returns whether what was in it for others has been given back. */
  private async claim(processes: SpoolProcesses): Promise<boolean> {
    const before = this.claimed;
    if (before?.whose === processes.whose) return false;
    for (const path of before === null ? [] : await this.adopted()) {
      await before?.label(path);
      // Without a heartbeat: it is anybody's whose records go there.
      await this.files.rename(path, join(await this.place.root(), basename(path)));
    }
    await processes.label(this.path);
    this.claimed = processes;
    return before !== null;
  }

  private async adopted(): Promise<string[]> {
    const entries = await this.files.readdir(this.path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(this.path, name));
  }

  private async unlabel(path: string): Promise<void> {
    await this.files.rm(join(path, SPOOL_LABEL), { force: true });
  }

  private async take(path: string, mine: string): Promise<void> {
    try {
      await this.files.rename(path, mine);
      await this.files.rm(join(mine, HEARTBEAT), { force: true });
      await this.unlabel(mine);
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
