import { HELD, KEPT_LIMIT, KEPT_TTL, NEWEST, OLDEST } from './key-record.js';
import { RecordPages } from './record-pages.js';
import { NO_ENTRY } from '../sliding-window.js';
import type { Admissions } from '../sliding-window.js';

// Words of an admission's record.
const OLDER = 0;
const NEWER = 1;
const ADMITTED_AT = 2;
const COST = 4;
/** Tells two admissions apart that used the same record; 0 in a free record. */
const SERIAL = 5;
const ADMISSION_WORDS = 6;

/** What each key was admitted, from the oldest to the newest: one list a key, whose ends are in the key's record. */
export class AdmissionLists implements Admissions {
  private readonly records = new RecordPages(ADMISSION_WORDS);
  /** Tells the admission that was appended last from all others of the process. */
  lastSerial = 0;

  /** Takes the records of the keys. */
  constructor(private readonly keys: RecordPages) {}

  /** How many admissions are held over all keys. */
  get size(): number {
    return this.records.size;
  }

  newer(admission: number): number {
    return this.records.int(admission, NEWER);
  }

  admittedAt(admission: number): number {
    return this.records.float(admission, ADMITTED_AT);
  }

  costOf(admission: number): number {
    return this.records.int(admission, COST);
  }

  /** Whether it is held, and is the one that had this serial when it was appended. */
  holds(admission: number, serial: number): boolean {
    const isInRange = admission >= 0 && admission < this.records.highWaterMark;
    return isInRange && serial !== 0 && this.records.int(admission, SERIAL) === serial;
  }

  /** Appends an admission, and forgets those that no limit the key has seen could ask for any more. */
  append(key: number, cost: number, now: number): number {
    const { keys, records } = this;
    const admission = records.allocate();
    const before = keys.int(key, NEWEST);
    this.lastSerial = (this.lastSerial + 1) | 0 || 1;
    records.setInt(admission, OLDER, before);
    records.setInt(admission, NEWER, NO_ENTRY);
    records.setFloat(admission, ADMITTED_AT, now);
    records.setInt(admission, COST, cost);
    records.setInt(admission, SERIAL, this.lastSerial);
    if (before === NO_ENTRY) keys.setInt(key, OLDEST, admission);
    else records.setInt(before, NEWER, admission);
    keys.setInt(key, NEWEST, admission);
    keys.setInt(key, HELD, keys.int(key, HELD) + cost);

    const keptLimit = keys.int(key, KEPT_LIMIT);
    let oldest = keys.int(key, OLDEST);
    while (keys.int(key, HELD) - this.costOf(oldest) >= keptLimit) {
      this.remove(key, oldest);
      oldest = keys.int(key, OLDEST);
    }
    return admission;
  }

  remove(key: number, admission: number): void {
    const older = this.records.int(admission, OLDER);
    const newer = this.records.int(admission, NEWER);
    if (older === NO_ENTRY) this.keys.setInt(key, OLDEST, newer);
    else this.records.setInt(older, NEWER, newer);
    if (newer === NO_ENTRY) this.keys.setInt(key, NEWEST, older);
    else this.records.setInt(newer, OLDER, older);
    this.keys.setInt(key, HELD, this.keys.int(key, HELD) - this.costOf(admission));
    this.free(admission);
  }

  /** Removes what no window the key has seen could ask for any more. */
  prune(key: number, now: number): void {
    const keptTtl = this.keys.float(key, KEPT_TTL);
    let oldest = this.keys.int(key, OLDEST);
    while (oldest !== NO_ENTRY && this.admittedAt(oldest) + keptTtl <= now) {
      this.remove(key, oldest);
      oldest = this.keys.int(key, OLDEST);
    }
    if (oldest === NO_ENTRY) {
      this.keys.setFloat(key, KEPT_TTL, 0);
      this.keys.setInt(key, KEPT_LIMIT, 0);
    }
  }

  /** Frees all admissions of a key that is about to be removed; its record is left as it is. */
  freeAll(key: number): void {
    let admission = this.keys.int(key, OLDEST);
    while (admission !== NO_ENTRY) {
      const newer = this.newer(admission);
      this.free(admission);
      admission = newer;
    }
  }

  /** Forgets all admissions of all keys, and lets go of the memory. */
  clear(): void {
    this.records.clear();
  }

  private free(admission: number): void {
    this.records.setInt(admission, SERIAL, 0);
    this.records.free(admission);
  }
}
