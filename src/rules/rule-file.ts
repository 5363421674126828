import { crc32 } from 'node:zlib';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { replaceFile } from '../state/state-folder.js';
import { RuleSnapshot, type RuleChange } from './rule-snapshot.js';
import type { RuleRow } from './rule-table.js';
import { RuleTableBuilder } from './rule-table-builder.js';

const FORMAT = 'nestjs-ip-tracking rules 1';
const RULES = 'rules.txt';
const CHANGES = 'rules.changes.json';

/** What follows the rules of {@link RULES}, so that one new rule does not rewrite a million. */
interface ChangesFile {
  base: number;
  version: number;
  changes: RuleChange[];
}

/**
 * The last known rules on disk, for a boot while the database is down. A file is replaced whole and carries a checksum:
 * it is read as it was written, or not at all.
 */
export class RuleFile {
  constructor(private readonly folder: string) {}

  /** Begins a new file; nothing is replaced before {@link RuleFileWriter.finish}. */
  async begin(): Promise<RuleFileWriter> {
    const path = join(this.folder, RULES);
    const unfinished = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    const writer = new RuleFileWriter(await open(unfinished, 'wx', 0o600), unfinished, path);
    await writer.line(FORMAT);
    return writer;
  }

  /** Replaces what has changed since the version `base` was written whole. */
  async writeChanges(content: ChangesFile): Promise<void> {
    const text = JSON.stringify(content);
    await replaceFile(join(this.folder, CHANGES), `${crc32(text)} ${text}`);
  }

  /**
   * The rules that were written last.
   *
   * @throws Error where there is no file, or it is not whole.
   */
  async read(): Promise<RuleSnapshot> {
    const base = await this.readBase();
    const later = await this.readChanges();
    return later?.base === base.version ? base.with(later.version, later.changes) : base;
  }

  private async readBase(): Promise<RuleSnapshot> {
    const lines = createInterface({
      input: createReadStream(join(this.folder, RULES)),
      crlfDelay: Infinity,
    });
    const builder = new RuleTableBuilder();
    let checksum = 0;
    let previous: string | null = null;
    let isFirst = true;
    for await (const line of lines) {
      if (isFirst && line !== FORMAT) throw new Error(`${RULES} is of another format`);
      isFirst = false;
      if (previous !== null) {
        checksum = crc32(`${previous}\n`, checksum);
        if (previous !== FORMAT) builder.add(rowOf(previous));
      }
      previous = line;
    }
    const [end, version, expected] = (previous ?? '').split(' ');
    if (end !== 'end' || Number(expected) !== crc32(`end ${version}`, checksum)) {
      throw new Error(`${RULES} is not whole`);
    }
    return RuleSnapshot.of(Number(version), await builder.buildAsync());
  }

  private async readChanges(): Promise<ChangesFile | null> {
    try {
      const content = await readFile(join(this.folder, CHANGES), 'utf8');
      const space = content.indexOf(' ');
      const text = content.slice(space + 1);
      return crc32(text) === Number(content.slice(0, space))
        ? (JSON.parse(text) as ChangesFile)
        : null;
    } catch {
      return null;
    }
  }
}

/** Writes the rules line by line as they arrive from the database. */
export class RuleFileWriter {
  private checksum = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly unfinished: string,
    private readonly path: string,
  ) {}

  /** Adds rules in the order they were loaded. */
  async rows(rows: readonly RuleRow[]): Promise<void> {
    if (rows.length > 0) await this.write(rows.map(lineOf).join(''));
  }

  /** Puts the file in the place of the last one. */
  async finish(version: number): Promise<void> {
    const end = `end ${version}`;
    await this.file.writeFile(`${end} ${crc32(end, this.checksum)}\n`);
    await this.file.sync();
    await this.file.close();
    await rename(this.unfinished, this.path);
  }

  /** Leaves the last file where it is. */
  async abandon(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await rm(this.unfinished, { force: true }).catch(() => undefined);
  }

  async line(text: string): Promise<void> {
    await this.write(`${text}\n`);
  }

  private async write(text: string): Promise<void> {
    this.checksum = crc32(text, this.checksum);
    await this.file.writeFile(text);
  }
}

function lineOf({ id, action, network, expiresAtMs }: RuleRow): string {
  return `${id} ${action} ${network} ${expiresAtMs ?? ''}\n`;
}

function rowOf(line: string): RuleRow {
  const [id, action, network, expiresAtMs] = line.split(' ');
  return {
    id: Number(id),
    action: action as RuleRow['action'],
    network: network ?? '',
    expiresAtMs: expiresAtMs ? Number(expiresAtMs) : null,
  };
}
