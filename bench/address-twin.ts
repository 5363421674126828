/**
 * Addresses as slow and obvious as can be, on BigInt and split(): what the fast parsers of `src/net/` are held against,
 * by their specs and by `address-fuzz`. It shares no code and no idea with them.
 */
export interface TwinAddress {
  family: 4 | 6;
  value: bigint;
}

function v4Value(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value * 256n + BigInt(part);
  }
  return value;
}

function groupsOf(text: string): string[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) ? groups : null;
}

/** The 128 bits as written. */
function v6Value(text: string): bigint | null {
  let plain = text;
  if (text.includes('.')) {
    const colon = text.lastIndexOf(':');
    const tail = v4Value(text.slice(colon + 1));
    if (colon < 0 || tail === null) return null;
    plain = `${text.slice(0, colon)}:${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  }
  const halves = plain.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!);
  const tail = groupsOf(halves[1] ?? '');
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return all.reduce((value, group) => value * 65536n + BigInt(`0x${group}`), 0n);
}

function unmapped(value: bigint): TwinAddress {
  return value >> 32n === 0xffffn
    ? { family: 4, value: value & 0xffffffffn }
    : { family: 6, value };
}

/** What `parseIp` has to say. */
export function twinParse(text: string): TwinAddress | null {
  const v4 = v4Value(text);
  if (v4 !== null) return { family: 4, value: v4 };
  const v6 = v6Value(text);
  return v6 === null ? null : unmapped(v6);
}

/** RFC 5952 by trying every run of zeros. */
export function twinText({ family, value }: TwinAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((n) => (value >> n) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  const hex = (list: bigint[]): string => list.map((group) => group.toString(16)).join(':');
  for (let length = 8; length >= 2; length--) {
    for (let start = 0; start + length <= 8; start++) {
      if (groups.slice(start, start + length).every((group) => group === 0n)) {
        return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
      }
    }
  }
  return hex(groups);
}

export interface TwinPrefix extends TwinAddress {
  length: number;
}

/** What `parsePrefix` has to say. */
export function twinPrefix(text: string): TwinPrefix | null {
  const [address, length, ...rest] = text.split('/');
  if (rest.length > 0) return null;
  const ip = twinParse(address!);
  if (ip === null) return null;
  const isV6Notation = address!.includes(':');
  const bits = isV6Notation ? 128 : 32;
  if (length !== undefined && !/^(0|[1-9][0-9]{0,2})$/.test(length)) return null;
  const given = length === undefined ? bits : Number(length);
  if (given > bits) return null;
  if (ip.family === 4 && isV6Notation) {
    if (given >= 96) return masked({ ...ip, length: given - 96 });
    return masked({ family: 6, value: 0xffff00000000n + ip.value, length: given });
  }
  return masked({ ...ip, length: given });
}

function masked({ family, value, length }: TwinPrefix): TwinPrefix {
  const host = BigInt((family === 4 ? 32 : 128) - length);
  return { family, length, value: (value >> host) << host };
}

/** Whether the prefix contains the address. */
export function twinContains(prefix: TwinPrefix, ip: TwinAddress): boolean {
  const host = BigInt((prefix.family === 4 ? 32 : 128) - prefix.length);
  return prefix.family === ip.family && prefix.value >> host === ip.value >> host;
}
