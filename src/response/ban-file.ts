import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { parsePrefix } from '../net/prefix.js';
import type { RuleFilePlace } from '../rules/rule-file.js';
import { replaceFile } from '../state/state-folder.js';
import type { Ban, WrittenBan } from './ban.js';
import { LONGEST_BAN_MS } from './ban-length.js';

const NAME = /^bans-[0-9a-f]{16}\.json$/;

/** A ban that another process had not stored, and the file it was found in. */
export interface FoundBans {
  readonly path: string;
  readonly bans: readonly Ban[];
}

/**
 * Bans that the database has not got yet, beside the rules on disk: what a process has decided while the database was down
 * holds for the next one as well. Each process has a file of its own, with a checksum: it is read as it was written, or
 * not at all.
 */
export class BanFile {
  private readonly name = `bans-${randomBytes(8).toString('hex')}.json`;
  private written: string | null = null;

  constructor(private readonly place: RuleFilePlace) {}

  /** Replaces what it holds; with none it goes. */
  async write(bans: Iterable<Ban>): Promise<void> {
    const kept = [...bans].map((ban): WrittenBan => ({ ...ban, network: undefined }) as WrittenBan);
    if (kept.length === 0 && this.written === null) return;
    const folder = await this.folder();
    if (folder === null) return;
    const path = join(folder, this.name);
    if (kept.length === 0) {
      await rm(path, { force: true });
      this.written = null;
      return;
    }
    const text = JSON.stringify(kept);
    await replaceFile(path, `${crc32(text)} ${text}`);
    this.written = path;
  }

  /** What others have left, and have not stored. Files that are damaged, or too old to matter, are removed. */
  async read(nowMs: number): Promise<FoundBans[]> {
    const folder = await this.place.readable();
    if (folder === null) return [];
    const found: FoundBans[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      if (!NAME.test(name) || name === this.name) continue;
      const path = join(folder, name);
      const bans = await readBans(path);
      const live = bans?.filter(({ untilMs }) => untilMs > nowMs) ?? [];
      if (live.length > 0) found.push({ path, bans: live });
      else if (await isOld(path, nowMs)) await this.remove(path);
    }
    return found;
  }

  /** Removes the file of another process, all of whose bans are stored by now. */
  async remove(path: string): Promise<void> {
    await rm(path, { force: true }).catch(() => undefined);
  }

  /** Where the database cannot say who it is, it is the one that it was. */
  private async folder(): Promise<string | null> {
    return (await this.place.writable()) ?? (await this.place.readable());
  }
}

async function readBans(path: string): Promise<Ban[] | null> {
  try {
    const text = await readFile(path, 'utf8');
    const space = text.indexOf(' ');
    const json = text.slice(space + 1);
    if (crc32(json) !== Number(text.slice(0, space))) return null;
    return (JSON.parse(json) as WrittenBan[]).flatMap((ban) => {
      const network = parsePrefix(ban.text);
      const { finding } = ban;
      const times = {
        firstSeen: new Date(finding.firstSeen),
        lastSeen: new Date(finding.lastSeen),
      };
      return network === null ? [] : [{ ...ban, network, finding: { ...finding, ...times } }];
    });
  } catch {
    return null;
  }
}

async function isOld(path: string, nowMs: number): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && nowMs - found.mtimeMs > LONGEST_BAN_MS;
}
