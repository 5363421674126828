/**
 * Holds parseIp, toString, parsePrefix and contains against the slow twin and against `net.isIP` on a million texts:
 * addresses, addresses with a fault, and noise. Stops at the first difference and prints it with the seed.
 *
 *   npx tsc -p tsconfig.json --outDir <folder> && node <folder>/bench/address-fuzz.js [cases] [seed]
 */
import { isIP } from 'node:net';
import { parseIp } from '../src/net/ip-address.js';
import { parsePrefix } from '../src/net/prefix.js';
import { twinContains, twinParse, twinPrefix, twinText } from './address-twin.js';

const cases = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 0xffffffff) >>> 0;
let state = seed;

/** Mulberry32. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

const ALPHABET = '0123456789abcdefABCDEF::::....%/[] xg-+e\t\0é';

function octets(): string {
  return Array.from({ length: 4 }, () => random(random(2) ? 256 : 10)).join('.');
}

function hexGroup(): string {
  const text = (random(4) === 0 ? 0 : random(0x10000)).toString(16).padStart(random(5), '0');
  return random(2) ? text.toUpperCase() : text;
}

function groups(): string {
  const list = Array.from({ length: random(20) === 0 ? random(11) : 8 }, hexGroup);
  if (random(3) === 0) list.splice(list.length - 2, 2, octets());
  if (random(4) === 0) list.splice(0, 6, '', '', '', random(3) ? 'ffff' : '0');
  else if (random(2)) list.splice(random(8), 1 + random(7), '');
  const text = list.join(':');
  return random(3) ? text.replace(/^:(?!:)/, '::').replace(/(?<!:):$/, '::') : text;
}

function damaged(text: string): string {
  const at = random(text.length + 1);
  const c = ALPHABET[random(ALPHABET.length)]!;
  const kind = random(3);
  return text.slice(0, at) + (kind === 2 ? '' : c) + text.slice(kind === 0 ? at : at + 1);
}

function sample(): string {
  let text = random(2) ? octets() : groups();
  if (random(20) === 0)
    text = Array.from({ length: random(50) }, () => ALPHABET[random(ALPHABET.length)]).join('');
  for (let faults = random(3); faults > 0; faults--) text = damaged(text);
  return text;
}

function check(what: string, text: string, actual: unknown, expected: unknown): void {
  if (actual === expected) return;
  console.error(
    `seed ${seed}: ${what} of ${JSON.stringify(text)} is ${String(actual)}, not ${String(expected)}`,
  );
  process.exit(1);
}

console.log(`seed ${seed}, ${cases} cases`);
let addresses = 0;
let prefixes = 0;
for (let i = 0; i < cases; i++) {
  const text = sample();
  const ip = parseIp(text);
  const twin = twinParse(text);
  check('parseIp', text, ip?.toString() ?? null, twin && twinText(twin));
  // Node takes a zone id; a parser of clients does not.
  if (!text.includes('%'))
    check('acceptance against net.isIP', text, ip !== null, isIP(text) !== 0);
  const network = `${text}/${random(10) ? random(random(2) ? 33 : 131) : damaged(String(random(129)))}`;
  const prefix = parsePrefix(network);
  const twinNetwork = twinPrefix(network);
  check(
    'parsePrefix',
    network,
    prefix?.toString() ?? null,
    twinNetwork && `${twinText(twinNetwork)}/${twinNetwork.length}`,
  );
  if (ip && twin) {
    addresses++;
    check('round trip', text, parseIp(ip.toString())?.equals(ip), true);
    const other = parsePrefix(`${sample()}/${random(129)}`) ?? prefix;
    const twinOther = other && twinPrefix(other.toString());
    if (other && twinOther)
      check(`contains by ${other}`, text, other.contains(ip), twinContains(twinOther, twin));
  }
  if (prefix && ip) {
    prefixes++;
    if (prefix.family === ip.family)
      check(`contains by its own ${prefix}`, text, prefix.contains(ip), true);
  }
}
console.log(`no difference; ${addresses} were addresses and ${prefixes} prefixes`);
