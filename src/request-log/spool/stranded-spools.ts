import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IpTrackingError } from '../../ip-tracking.errors.js';
import { labelProcess } from '../../state/state-files.js';
import type { OtherState, State } from '../../state/state.js';
import { HEARTBEAT } from './spool-folder.js';

/** Records that were on their way to another database. */
export interface StrandedSpool {
  /** Names the folder of that database. */
  name: string;
  path: string;
  /** Whether that database and this one have a past in common: a clone, an upgrade, a restored dump, a schema made anew. */
  isRelated: boolean;
  /** Processes that have left records. */
  processes: number;
  /** Processes that are at work for that database right now: theirs stay theirs. */
  running: number;
  /** What the records take, in bytes. */
  bytes: number;
}

/** A process beats every second; whoever has not for so long is gone, in milliseconds. */
const GONE_AFTER_MS = 60_000;

/** Finds what was spooled for other databases, and has it delivered to this one where an operator says so. */
export class StrandedSpools {
  constructor(private readonly state: State | null) {}

  /**
   * What there is, for databases that are not the one that is reached.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN` where nothing is kept on disk, or the database has not said who it is.
   */
  async list(): Promise<StrandedSpool[]> {
    return Promise.all((await this.others()).map(async (other) => (await describe(other)).spool));
  }

  /**
   * Makes the records of one of them this database's: the apps that run deliver them within seconds, or the next one
   * that starts.
   *
   * @throws IpTrackingError `IPT_STATE_UNKNOWN`; `IPT_STATE_NOT_FOUND` where there is none of that name;
   *   `IPT_STATE_UNRELATED` without `force` where the two databases have nothing in common.
   */
  async adopt(name: string, { force = false } = {}): Promise<StrandedSpool> {
    const others = await this.others();
    const other = others.find((one) => one.name === name);
    if (other === undefined) {
      const names = others.map((one) => one.name).join(', ');
      throw new IpTrackingError(
        'IPT_STATE_NOT_FOUND',
        `there is no state ${JSON.stringify(name)} of another database: ${names === '' ? 'there is none at all' : `there are ${names}`}`,
      );
    }
    if (!other.isRelated && !force) {
      throw new IpTrackingError(
        'IPT_STATE_UNRELATED',
        `${name} is the state of a database that has nothing in common with this one: its records would be another app's. Force it if you know better`,
      );
    }
    const { spool, gone } = await describe(other);
    const identity = await this.state!.verify();
    for (const path of gone) await labelProcess(path, identity!);
    return spool;
  }

  private async others(): Promise<OtherState[]> {
    const others = (await this.state?.others()) ?? null;
    if (others !== null) return others;
    throw new IpTrackingError(
      'IPT_STATE_UNKNOWN',
      this.state === null
        ? 'there is no folder of what outlives a process: set IP_TRACKING_STATE_DIR, or the option stateDir, to the one that the app has'
        : 'the database cannot say who it is: is it up, migrated, and may the role read ip_tracking.installation?',
    );
  }
}

async function describe(
  other: OtherState,
): Promise<{ spool: StrandedSpool; gone: readonly string[] }> {
  const now = await clockOf(other.path);
  const gone: string[] = [];
  let running = 0;
  let bytes = 0;
  for (const path of other.processes) {
    const beat = await stat(join(path, HEARTBEAT)).catch(() => null);
    if (beat !== null && now - beat.mtimeMs < GONE_AFTER_MS) {
      running += 1;
      continue;
    }
    const size = await sizeOf(path);
    if (size === 0) continue;
    gone.push(path);
    bytes += size;
  }
  const { name, path, isRelated } = other;
  return { spool: { name, path, isRelated, processes: gone.length, running, bytes }, gone };
}

/** What the file system takes for now: it may be another machine's. */
async function clockOf(folder: string): Promise<number> {
  const probe = await mkdtemp(join(folder, '.clock-'));
  const { mtimeMs } = await stat(probe);
  await rm(probe, { recursive: true });
  return mtimeMs;
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith('.segment')) bytes += (await stat(join(folder, name))).size;
  }
  return bytes;
}
