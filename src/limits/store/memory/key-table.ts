import { randomBytes } from 'node:crypto';

import {
  BUSIER,
  CHAIN,
  HASH_HIGH,
  HASH_LOW,
  HELD,
  IDLER,
  KEPT_LIMIT,
  KEPT_TTL,
  KEY_WORDS,
  NEWEST,
  OLDEST,
} from './key-record.js';
import { KeyedHash } from './keyed-hash.js';
import { RecordPages } from './record-pages.js';
import { NO_ENTRY } from '../sliding-window.js';

/** Stands for "no record". */
export const NO_RECORD = NO_ENTRY;

/**
 * Finds the record of each key, and keeps the records in order of use. Keys are kept as a keyed 64-bit hash, never as
 * text, see {@link KeyedHash}.
 */
export class KeyTable {
  /** The records, for whoever keeps more in them than their key. */
  readonly records = new RecordPages(KEY_WORDS);
  private readonly hash: KeyedHash;
  private readonly chains: Int32Array;
  private first = NO_RECORD;
  private last = NO_RECORD;

  /** Takes how many keys there will be: about one in each chain. */
  constructor(maxKeys: number) {
    const secret = randomBytes(8);
    this.hash = new KeyedHash(secret.readInt32LE(0), secret.readInt32LE(4));
    this.chains = new Int32Array(2 ** Math.ceil(Math.log2(maxKeys))).fill(NO_RECORD);
  }

  /** The record that was not used for longest; {@link NO_RECORD} where there is none. */
  get idlest(): number {
    return this.first;
  }

  /** The record of a key, or {@link NO_RECORD}. */
  find(key: string): number {
    const { hash, chains, records } = this;
    hash.digest(key);
    const { low, high } = hash;
    let record = chains[low & (chains.length - 1)]!;
    while (
      record !== NO_RECORD &&
      (records.int(record, HASH_LOW) !== low || records.int(record, HASH_HIGH) !== high)
    ) {
      record = records.int(record, CHAIN);
    }
    return record;
  }

  /** Makes an empty record for the key that {@link find} did not find just now. */
  create(): number {
    const { chains, records } = this;
    const { low, high } = this.hash;
    const record = records.allocate();
    const chain = low & (chains.length - 1);
    records.setInt(record, CHAIN, chains[chain]!);
    chains[chain] = record;
    records.setInt(record, HASH_LOW, low);
    records.setInt(record, HASH_HIGH, high);
    records.setInt(record, OLDEST, NO_ENTRY);
    records.setInt(record, NEWEST, NO_ENTRY);
    records.setInt(record, HELD, 0);
    records.setFloat(record, KEPT_TTL, 0);
    records.setInt(record, KEPT_LIMIT, 0);
    this.append(record);
    return record;
  }

  /** Forgets a key. */
  remove(record: number): void {
    this.unlink(record);
    const chain = this.records.int(record, HASH_LOW) & (this.chains.length - 1);
    const next = this.records.int(record, CHAIN);
    if (this.chains[chain] === record) {
      this.chains[chain] = next;
    } else {
      let before = this.chains[chain]!;
      while (this.records.int(before, CHAIN) !== record) before = this.records.int(before, CHAIN);
      this.records.setInt(before, CHAIN, next);
    }
    this.records.setInt(record, KEPT_LIMIT, NO_RECORD);
    this.records.free(record);
  }

  /** Whether the record, of any number below the high-water mark, is no key's at the moment. */
  isFree(record: number): boolean {
    return this.records.int(record, KEPT_LIMIT) === NO_RECORD;
  }

  /** Notes that a key is in use: it is the last that is the idlest. */
  touch(record: number): void {
    if (record === this.last) return;
    this.unlink(record);
    this.append(record);
  }

  /** Forgets all keys, and lets go of their records' memory. */
  clear(): void {
    this.records.clear();
    this.chains.fill(NO_RECORD);
    this.first = NO_RECORD;
    this.last = NO_RECORD;
  }

  private append(record: number): void {
    this.records.setInt(record, IDLER, this.last);
    this.records.setInt(record, BUSIER, NO_RECORD);
    if (this.last === NO_RECORD) this.first = record;
    else this.records.setInt(this.last, BUSIER, record);
    this.last = record;
  }

  private unlink(record: number): void {
    const idler = this.records.int(record, IDLER);
    const busier = this.records.int(record, BUSIER);
    if (idler === NO_RECORD) this.first = busier;
    else this.records.setInt(idler, BUSIER, busier);
    if (busier === NO_RECORD) this.last = idler;
    else this.records.setInt(busier, IDLER, idler);
  }
}
