/**
 * What a request costs in an allow/block filter with 10,000 single addresses: this package's decision against the
 * filters for Express that install beside it. Both are called as the framework calls them, with a request from an
 * address that is not listed and then from one that is.
 *
 *   npm run bench -- filters
 */
import { cpus } from 'node:os';
import ipfilter from 'express-ipfilter';
import { createClientIpResolver } from '../src/net/client-ip.js';
import { decide, type RulePolicy } from '../src/rules/decide.js';
import { RuleSnapshot } from '../src/rules/rule-snapshot.js';
import { RuleTableBuilder } from '../src/rules/rule-table-builder.js';
import { median, printTable } from './support/figures.js';

const RULES = 10_000;
const ROUNDS = 7;

const addresses = Array.from(
  { length: RULES },
  (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
);
const FREE = '203.0.113.7';
const LISTED = addresses[RULES / 2]!;

const builder = new RuleTableBuilder();
for (const [index, address] of [...addresses].sort().entries()) {
  builder.add({ id: index + 1, action: 'block', network: `${address}/32`, expiresAtMs: null });
}
const snapshot = RuleSnapshot.of(1, builder.build());
const resolver = createClientIpResolver({ strategy: 'socket' });
const policy: RulePolicy = { mode: 'blocklist', blockCountries: null, allowCountries: null };

function ours(remoteAddress: string): boolean {
  const { ip } = resolver.resolve({ remoteAddress, headers: {} });
  return decide(snapshot.match(ip!, Date.now()), null, policy).action === 'block';
}

const filter = ipfilter.IpFilter(addresses, { mode: 'deny', log: false });
function theirs(remoteAddress: string): boolean {
  const request = {
    headers: {},
    socket: { remoteAddress },
    connection: { remoteAddress },
    url: '/',
  };
  let isDenied = false;
  filter(request as never, {} as never, (error?: unknown) => {
    isDenied = error !== undefined;
  });
  return isDenied;
}

function time(judge: (address: string) => boolean, address: string, calls: number): number {
  const startedAt = performance.now();
  for (let call = 0; call < calls; call += 1) judge(address);
  return ((performance.now() - startedAt) * 1e6) / calls;
}

if (!ours(LISTED) || ours(FREE) || !theirs(LISTED) || theirs(FREE)) {
  throw new Error('The filters do not agree about who is listed.');
}
process.stdout.write(`${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}\n`);
const rows = [['ns a request', 'not listed', 'worst', 'listed', 'worst']];
const figures: Record<string, number[][]> = {
  'nestjs-ip-tracking': [[], []],
  'express-ipfilter': [[], []],
};
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [index, address] of [FREE, LISTED].entries()) {
    figures['nestjs-ip-tracking']![index]!.push(time(ours, address, 200_000));
    figures['express-ipfilter']![index]!.push(time(theirs, address, 3));
  }
}
for (const [name, [free, listed]] of Object.entries(figures)) {
  const cells = [free!, listed!].flatMap((values) => [median(values), Math.max(...values)]);
  rows.push([name, ...cells.map((value) => value.toFixed(0))]);
}
printTable(rows);
