import { IpTrackingError } from '../ip-tracking.errors.js';
import { show } from '../options/checks.js';
import type { IpAddress } from './ip-address.js';
import { isMapped } from './ip-address.js';
import { PrefixRows } from './prefix-rows.js';
import { PrefixTable } from './prefix-table.js';
import type { Prefix } from './prefix.js';
import { parsePrefix } from './prefix.js';
import { runSliced, runWhole, type SliceOptions, TimeSlice } from './time-slice.js';

/** How {@link PrefixSet.from} treats what it cannot read. */
export interface PrefixSetOptions<T> {
  /** Called for an entry whose text is no prefix, which is then left out. Without it such an entry throws. */
  onInvalid?: (text: string, value: T) => void;
}

/**
 * Prefixes of both families, each with a value, that answers which of them contain an address, longest first. It does
 * not change once it is built: whoever replaces one builds another and swaps the reference, so no lookup ever sees
 * half of a change. Families never mix: no IPv6 prefix matches an IPv4 address, `::/0` included.
 *
 * Values that are all 32-bit integers take 4 bytes each; any others are kept in one array.
 */
export class PrefixSet<T> {
  /** @internal Built by {@link PrefixSet.from}, {@link PrefixSet.fromAsync} and {@link PrefixSetBuilder}. */
  constructor(
    private readonly v4: PrefixTable,
    private readonly v6: PrefixTable,
    private readonly values: readonly T[] | null,
  ) {}

  /** A set that contains nothing. */
  static empty<T>(): PrefixSet<T> {
    return new PrefixSet<T>(PrefixTable.empty, PrefixTable.empty, null);
  }

  /**
   * Builds a set in one go, which holds the event loop: for a million entries use {@link PrefixSet.fromAsync}. Of
   * entries with the same prefix the last one stays.
   * @throws {IpTrackingError} `IPT_INVALID_PREFIX`, naming the text, where one is no prefix and no `onInvalid` is given.
   */
  static from<T>(
    entries: Iterable<readonly [Prefix | string, T]>,
    options: PrefixSetOptions<T> = {},
  ): PrefixSet<T> {
    const builder = new PrefixSetBuilder<T>();
    for (const [prefix, value] of entries) addEntry(builder, prefix, value, options);
    return builder.build();
  }

  /** As {@link PrefixSet.from}, but never holds the event loop for longer than `sliceMs`, sorting included. */
  static async fromAsync<T>(
    entries: Iterable<readonly [Prefix | string, T]> | AsyncIterable<readonly [Prefix | string, T]>,
    options: PrefixSetOptions<T> & SliceOptions = {},
  ): Promise<PrefixSet<T>> {
    const builder = new PrefixSetBuilder<T>();
    const slice = new TimeSlice(options);
    let count = 0;
    if (Symbol.asyncIterator in entries) {
      for await (const [prefix, value] of entries) {
        addEntry(builder, prefix, value, options);
        if ((++count & 255) === 0 && slice.isOver()) await slice.pause();
      }
    } else {
      for (const [prefix, value] of entries) {
        addEntry(builder, prefix, value, options);
        if ((++count & 255) === 0 && slice.isOver()) await slice.pause();
      }
    }
    return builder.buildAsync(options);
  }

  /** How many different prefixes there are. */
  get size(): number {
    return this.v4.size + this.v6.size;
  }

  /** The value of the longest prefix that contains the address. */
  match(ip: IpAddress): T | undefined {
    const table = ip.family === 4 ? this.v4 : this.v6;
    const entry = innermost(table, ip);
    return entry < 0 ? undefined : this.valueOf(table, entry);
  }

  /** The value of the longest prefix that contains the address and whose value is accepted, such as one not expired. */
  matchWhere(ip: IpAddress, accept: (value: T) => boolean): T | undefined {
    const table = ip.family === 4 ? this.v4 : this.v6;
    for (let entry = innermost(table, ip); entry >= 0; entry = table.parentOf(entry)) {
      const value = this.valueOf(table, entry);
      if (accept(value)) return value;
    }
    return undefined;
  }

  /** The values of all prefixes that contain the address, of the longest first. */
  matchAll(ip: IpAddress): T[] {
    const values: T[] = [];
    this.walk(ip, (value) => {
      values.push(value);
    });
    return values;
  }

  /** Visits every prefix that contains the address, the longest first, until `visit` returns false. */
  walk(ip: IpAddress, visit: (value: T, prefixLength: number) => boolean | void): void {
    const table = ip.family === 4 ? this.v4 : this.v6;
    for (let entry = innermost(table, ip); entry >= 0; entry = table.parentOf(entry)) {
      if (visit(this.valueOf(table, entry), table.lengthOf(entry)) === false) return;
    }
  }

  /** Whether any prefix contains the address. */
  has(ip: IpAddress): boolean {
    return innermost(ip.family === 4 ? this.v4 : this.v6, ip) >= 0;
  }

  private valueOf(table: PrefixTable, entry: number): T {
    const slot = table.slotOf(entry);
    // Without an array the slots are the values: T is then number, as the builder saw.
    return this.values === null ? (slot as T) : this.values[slot]!;
  }
}

/**
 * Collects prefixes for a {@link PrefixSet}, also from bare integers: a million rows of a database need neither text
 * nor objects. A builder builds once.
 */
export class PrefixSetBuilder<T> {
  private readonly v4 = new PrefixRows(1);
  private readonly v6 = new PrefixRows(4);
  private values: T[] | null = null;

  /** How many entries were added, repeated ones included. */
  get size(): number {
    return this.v4.size + this.v6.size;
  }

  /** Adds a prefix; of equal ones the last added stays. */
  add(prefix: Prefix, value: T): void {
    if (prefix.family === 4) this.addV4(prefix.w0, prefix.length, value);
    else this.addV6(prefix.w0, prefix.w1, prefix.w2, prefix.w3, prefix.length, value);
  }

  /**
   * Adds an IPv4 prefix as its 32 bits, signed or unsigned; host bits are masked off.
   * @throws {IpTrackingError} `IPT_INVALID_PREFIX` when the length is not an integer from 0 to 32.
   */
  addV4(address: number, length: number, value: T): void {
    checkLength(length, 32);
    this.v4.addV4(address, length, this.slotFor(value));
  }

  /**
   * Adds an IPv6 prefix as four words of 32 bits, signed or unsigned; host bits are masked off. Mapped bits with a
   * length of 96 or more are the IPv4 prefix.
   * @throws {IpTrackingError} `IPT_INVALID_PREFIX` when the length is not an integer from 0 to 128.
   */
  addV6(w0: number, w1: number, w2: number, w3: number, length: number, value: T): void {
    checkLength(length, 128);
    const slot = this.slotFor(value);
    if (length >= 96 && isMapped(w0, w1, w2)) this.v4.addV4(w3, length - 96, slot);
    else this.v6.addV6(w0, w1, w2, w3, length, slot);
  }

  /** Builds the set in one go. */
  build(): PrefixSet<T> {
    const v4 = runWhole(PrefixTable.build(this.v4));
    return new PrefixSet(v4, runWhole(PrefixTable.build(this.v6)), this.values);
  }

  /** Builds the set in slices, so that the event loop is never held. */
  async buildAsync(options: SliceOptions = {}): Promise<PrefixSet<T>> {
    const v4 = await runSliced(PrefixTable.build(this.v4), options);
    return new PrefixSet(v4, await runSliced(PrefixTable.build(this.v6), options), this.values);
  }

  private slotFor(value: T): number {
    if (this.values === null) {
      if (isInt32(value)) return value;
      this.values = this.toArray();
    }
    return this.values.push(value) - 1;
  }

  /** The first value that is no 32-bit integer ends the compact form: what was kept in the slots moves to an array. */
  private toArray(): T[] {
    const values: T[] = [];
    for (const rows of [this.v4, this.v6]) {
      for (let row = 0; row < rows.size; row++) {
        rows.slots[row] = values.push(rows.slots[row] as T) - 1;
      }
    }
    return values;
  }
}

function innermost(table: PrefixTable, ip: IpAddress): number {
  return ip.family === 4 ? table.findV4(ip.w0) : table.findV6(ip.w0, ip.w1, ip.w2, ip.w3);
}

function addEntry<T>(
  builder: PrefixSetBuilder<T>,
  entry: Prefix | string,
  value: T,
  { onInvalid }: PrefixSetOptions<T>,
): void {
  const prefix = typeof entry === 'object' ? entry : parsePrefix(entry);
  if (prefix !== null) {
    builder.add(prefix, value);
  } else if (onInvalid) {
    onInvalid(entry as string, value);
  } else {
    throw new IpTrackingError(
      'IPT_INVALID_PREFIX',
      `${show(entry)} is no IP address and no prefix. Write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32.`,
    );
  }
}

function checkLength(length: number, bits: number): void {
  if (Number.isInteger(length) && length >= 0 && length <= bits) return;
  throw new IpTrackingError(
    'IPT_INVALID_PREFIX',
    `A prefix length of ${String(length)} is out of range: use a whole number from 0 to ${bits}.`,
  );
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Object.is(value | 0, value);
}
