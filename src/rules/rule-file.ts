import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { messageOf } from '../ip-tracking.errors.js';
import { replaceFile } from '../state/state-folder.js';
import { RuleSnapshot, type RuleChange } from './rule-snapshot.js';
import type { RuleRow } from './rule-table.js';
import { RuleTableBuilder } from './rule-table-builder.js';

const FORMAT = 'nestjs-ip-tracking rules 1';

/** So many loads stay on disk: the last one, and one to fall back on where that is damaged. */
const GENERATIONS = 2;

/** One whole load, in a file of its own, with what has changed since in another. */
interface Generation {
  /** The path of both without their endings. */
  readonly path: string;
  /** When the later of the two was written. */
  readonly writtenAt: Date;
}

const UNFINISHED = 'unfinished-';
/** No load takes so long, in milliseconds. */
const ABANDONED_AFTER_MS = 3_600_000;
const RULES = /^(rules-[0-9a-z-]+)\.txt$/;

/** What follows the rules of a generation, so that one new rule does not rewrite a million. */
interface ChangesFile {
  base: number;
  version: number;
  changes: RuleChange[];
}

/** Where the files are. */
export interface RuleFilePlace {
  /** The folder to read from, though the database has not said yet that it is its own; null where there is none. */
  readable(): Promise<string | null>;
  /** The folder of the database that is reached now; null where it has not said who it is. */
  writable(): Promise<string | null>;
}

/** Rules that were read from disk. */
export interface RulesOnDisk {
  readonly snapshot: RuleSnapshot;
  /** When the last of them was written. */
  readonly writtenAt: Date;
  /** What is wrong with the files; null where nothing is. */
  readonly damage: string | null;
}

/**
 * The last known rules on disk, for a boot while the database is down. A file carries a checksum: it is read as it was
 * written, or not at all. Each process writes files of its own, and the last ones are kept: one damaged file is not the
 * end of all rules.
 */
export class RuleFile {
  private generation: { folder: string; path: string } | null = null;

  constructor(private readonly place: RuleFilePlace) {}

  /**
   * Begins a new file; nothing is replaced before {@link RuleFileWriter.finish}.
   *
   * @returns null while nobody knows which database the rules are of.
   */
  async begin(): Promise<RuleFileWriter | null> {
    const folder = await this.place.writable();
    if (folder === null) return null;
    const unfinished = join(folder, UNFINISHED + randomBytes(6).toString('hex'));
    const writer = new RuleFileWriter(
      await open(unfinished, 'wx', 0o600),
      unfinished,
      async (version) => {
        const path = join(folder, `rules-${version}-${randomBytes(4).toString('hex')}`);
        await rename(unfinished, `${path}.txt`);
        this.generation = { folder, path };
        await removeOld(folder);
      },
    );
    await writer.line(FORMAT);
    return writer;
  }

  /** Replaces what has changed since the version `base` was written whole. */
  async writeChanges(content: ChangesFile): Promise<void> {
    const folder = await this.place.writable();
    if (folder === null || folder !== this.generation?.folder) return;
    const text = JSON.stringify(content);
    await replaceFile(`${this.generation.path}.changes.json`, `${crc32(text)} ${text}`);
  }

  /**
   * The rules that were written last, or those before where the last ones are damaged.
   *
   * @returns null where none were ever written.
   * @throws Error where there are files and none of them is whole.
   */
  async read(): Promise<RulesOnDisk | null> {
    const folder = await this.place.readable();
    if (folder === null) return null;
    const damages: string[] = [];
    let best: RulesOnDisk | null = null;
    for (const generation of await generationsIn(folder)) {
      try {
        const found = await readGeneration(generation);
        if (best === null || found.snapshot.version > best.snapshot.version) best = found;
        if (found.damage === null) break;
        damages.push(found.damage);
      } catch (error) {
        damages.push(messageOf(error));
      }
    }
    const damage = damages.length === 0 ? null : damages.join('; ');
    if (best === null && damage !== null) throw new Error(damage);
    return best === null ? null : { ...best, damage };
  }
}

/** The last ones first. */
async function generationsIn(folder: string): Promise<Generation[]> {
  const names = await readdir(folder).catch(unlessMissing);
  const found: Generation[] = [];
  for (const name of names ?? []) {
    const stem = RULES.exec(name)?.[1];
    if (stem === undefined) continue;
    const path = join(folder, stem);
    const [rules, changes] = await Promise.all(
      ['.txt', '.changes.json'].map((ending) => stat(path + ending).catch(unlessMissing)),
    );
    const writtenAt = new Date(Math.max(rules?.mtimeMs ?? 0, changes?.mtimeMs ?? 0));
    if (rules !== null) found.push({ path, writtenAt });
  }
  return found.toSorted((a, b) => b.writtenAt.getTime() - a.writtenAt.getTime());
}

/** Removes what nobody will read: older loads, and what a process that was killed has not finished. */
async function removeOld(folder: string): Promise<void> {
  const kept = (await generationsIn(folder)).slice(0, GENERATIONS).map(({ path }) => path);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const stem = /^(rules-[0-9a-z-]+)\.(?:txt|changes\.json)$/.exec(name)?.[1];
    const isOld =
      stem === undefined
        ? name.startsWith(UNFINISHED) && (await ageMs(path)) > ABANDONED_AFTER_MS
        : !kept.includes(join(folder, stem));
    if (isOld) await rm(path, { force: true });
  }
}

async function ageMs(path: string): Promise<number> {
  const found = await stat(path).catch(unlessMissing);
  return found === null ? 0 : Date.now() - found.mtimeMs;
}

async function readGeneration({ path, writtenAt }: Generation): Promise<RulesOnDisk> {
  const base = await readBase(`${path}.txt`);
  const later = await readChanges(`${path}.changes.json`);
  if (later === null) return { snapshot: base, writtenAt, damage: null };
  if (later !== 'damaged') {
    const snapshot = base.with(later.version, later.changes);
    return { snapshot, writtenAt, damage: null };
  }
  const damage = `${basename(path)}.changes.json is not whole, so what has changed after version ${base.version} is unknown`;
  return { snapshot: base, writtenAt, damage };
}

async function readBase(path: string): Promise<RuleSnapshot> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  const builder = new RuleTableBuilder();
  let checksum = 0;
  let previous: string | null = null;
  let isFirst = true;
  for await (const line of lines) {
    if (isFirst && line !== FORMAT) throw new Error(`${basename(path)} is of another format`);
    isFirst = false;
    if (previous !== null) {
      checksum = crc32(`${previous}\n`, checksum);
      if (previous !== FORMAT) builder.add(rowOf(previous));
    }
    previous = line;
  }
  const [end, version, expected] = (previous ?? '').split(' ');
  if (end !== 'end' || Number(expected) !== crc32(`end ${version}`, checksum)) {
    throw new Error(`${basename(path)} is not whole`);
  }
  return RuleSnapshot.of(Number(version), await builder.buildAsync());
}

async function readChanges(path: string): Promise<ChangesFile | 'damaged' | null> {
  try {
    const text = await readFile(path, 'utf8');
    const space = text.indexOf(' ');
    const json = text.slice(space + 1);
    return crc32(json) === Number(text.slice(0, space))
      ? (JSON.parse(json) as ChangesFile)
      : 'damaged';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'damaged';
  }
}

function unlessMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** Writes the rules line by line as they arrive from the database. */
export class RuleFileWriter {
  private checksum = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly unfinished: string,
    private readonly keep: (version: number) => Promise<void>,
  ) {}

  /** Adds rules in the order they were loaded. */
  async rows(rows: readonly RuleRow[]): Promise<void> {
    if (rows.length > 0) await this.write(rows.map(lineOf).join(''));
  }

  /** Makes it the last one. */
  async finish(version: number): Promise<void> {
    const end = `end ${version}`;
    await this.file.writeFile(`${end} ${crc32(end, this.checksum)}\n`);
    await this.file.sync();
    await this.file.close();
    await this.keep(version);
  }

  /** Leaves the last one where it is. */
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
