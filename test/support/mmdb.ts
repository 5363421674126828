import { parsePrefix } from '../../src/net/prefix.js';

/** What a record may hold here; the format has more. */
export type MmdbValue = string | number | boolean | MmdbValue[] | { [key: string]: MmdbValue };

export interface MmdbOptions {
  /** Records by CIDR; of overlapping ones the later wins. */
  networks: Record<string, MmdbValue>;
  /** The tree's kind: 6 holds IPv4 as well, at `::/96`. @default 6 */
  ipVersion?: 4 | 6;
  /** @default 2026-11-01 */
  builtAt?: Date;
}

/** A node of the search tree: for each bit, another node, an index into the records, or nothing. */
interface Node {
  id: number;
  next: [Node | number | null, Node | number | null];
}

const TYPE = { string: 2, uint16: 5, uint32: 6, map: 7, uint64: 9, array: 11, boolean: 14 };
const METADATA_MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** A `.mmdb` file of format 2.0 with records of 24 bits, as MaxMind's specification has it. */
export function encodeMmdb({ networks, ipVersion = 6, builtAt }: MmdbOptions): Buffer {
  const nodes: Node[] = [];
  const node = (): Node => {
    const made: Node = { id: nodes.length, next: [null, null] };
    nodes.push(made);
    return made;
  };
  const root = node();
  const records: Buffer[] = [];
  const offsets: number[] = [];
  for (const [network, value] of Object.entries(networks)) {
    offsets.push(records.reduce((sum, { length }) => sum + length, 0));
    records.push(encode(value));
    insert(root, bitsOf(network, ipVersion), offsets.length - 1, node);
  }
  const tree = Buffer.alloc(nodes.length * 6);
  for (const { id, next } of nodes) {
    next.forEach((target, bit) => {
      // Nothing is the number of nodes; a record lies behind that and the 16 bytes of the separator.
      const record =
        target === null
          ? nodes.length
          : typeof target === 'number'
            ? nodes.length + 16 + offsets[target]!
            : target.id;
      tree.writeUIntBE(record, id * 6 + bit * 3, 3);
    });
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: Math.floor((builtAt ?? new Date('2026-11-01T00:00:00Z')).getTime() / 1_000),
    database_type: 'Test',
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  });
  return Buffer.concat([tree, Buffer.alloc(16), ...records, METADATA_MARKER, metadata]);
}

function bitsOf(network: string, ipVersion: 4 | 6): number[] {
  const prefix = parsePrefix(network)!;
  const { ip, length } = bitsAndLength(prefix.toString());
  const isV4 = ip.length === 32;
  const bits = isV4 && ipVersion === 6 ? [...Array<number>(96).fill(0), ...ip] : ip;
  return bits.slice(0, isV4 && ipVersion === 6 ? 96 + length : length);
}

function bitsAndLength(cidr: string): { ip: number[]; length: number } {
  const [address = '', length = ''] = cidr.split('/');
  const bytes = address.includes(':') ? v6Bytes(address) : address.split('.').map(Number);
  const ip = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, at) => (byte >> (7 - at)) & 1));
  return { ip, length: Number(length) };
}

function v6Bytes(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function insert(root: Node, bits: number[], record: number, node: () => Node): void {
  let at = root;
  for (const bit of bits.slice(0, -1) as (0 | 1)[]) {
    const next = at.next[bit];
    if (next !== null && typeof next === 'object') {
      at = next;
      continue;
    }
    const made = node();
    // A wider network that was here goes on in both halves.
    if (typeof next === 'number') made.next = [next, next];
    at.next[bit] = made;
    at = made;
  }
  at.next[bits.at(-1) as 0 | 1] = record;
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(TYPE.string, bytes.length), bytes]);
  }
  if (typeof value === 'boolean') return control(TYPE.boolean, value ? 1 : 0);
  if (typeof value === 'number') return encodeNumber(value);
  if (Array.isArray(value)) {
    return Buffer.concat([control(TYPE.array, value.length), ...value.map(encode)]);
  }
  const entries = Object.entries(value);
  return Buffer.concat([
    control(TYPE.map, entries.length),
    ...entries.flatMap(([key, entry]) => [encode(key), encode(entry)]),
  ]);
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return Buffer.concat([control(TYPE.uint32, 4), bytes]);
}

/** Three bits of type, zero where it comes in a byte of its own, and the size. */
function control(type: number, size: number): Buffer {
  if (size > 284) throw new Error('a test needs nothing that long');
  const short = Math.min(size, 29);
  return Buffer.from([
    ...(type < 8 ? [(type << 5) | short] : [short, type - 7]),
    ...(size >= 29 ? [size - 29] : []),
  ]);
}
