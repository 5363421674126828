import * as fileSystem from 'node:fs/promises';
import type { FormsAt, SpooledRecords } from '../../privacy/spooled-records.js';
import { isLineOf, type ErasedRecords } from './erased-records.js';
import { idOfLine, rowOfLine } from '../record/record-line.js';
import { spooledLines } from '../spool/spool-reader.js';

/** What records pass through before they are written. */
export interface RecordsOnTheirWayParts {
  /** Resolves when what waits for its place is in the queue. */
  settle(): Promise<void>;
  /** What this process has in its memory. */
  linesInMemory(): Iterable<string>;
  /** What is asked before lines are written. */
  erased: ErasedRecords;
  /** The folders of the spools of all processes. */
  spoolFolders(): Promise<readonly string[]>;
}

/** Finds an address in the memory of this process and in the spools of all processes that share its folder. */
export class RecordsOnTheirWay implements SpooledRecords {
  constructor(private readonly parts: RecordsOnTheirWayParts) {}

  eraseAddress(forms: FormsAt, beforeMs: number): void {
    this.parts.erased.add(forms, beforeMs);
  }

  async *exportAddress(forms: FormsAt): AsyncGenerator<Record<string, unknown>> {
    const { settle, linesInMemory, spoolFolders } = this.parts;
    await settle();
    const inMemory = new Set<string>();
    // Taken at once, since memory changes while somebody reads.
    const lines = [...linesInMemory()].filter((line) => isLineOf(line, forms));
    for (const line of lines) {
      inMemory.add(idOfLine(line));
      yield rowOfLine(line);
    }
    for await (const line of spooledLines(spoolFolders, fileSystem)) {
      if (isLineOf(line, forms) && !inMemory.has(idOfLine(line))) yield rowOfLine(line);
    }
  }
}
