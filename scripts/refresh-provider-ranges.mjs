// Copies the published address ranges of providers into src/net/provider-ranges.ts.
//
//   node scripts/refresh-provider-ranges.mjs           rewrites the lists that changed, and their date
//   node scripts/refresh-provider-ranges.mjs --check   changes nothing; exit status 1 when a list is out of date
//
// Review the difference before committing it: whoever is on these lists may name any client address.
import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';

const FILE = new URL('../src/net/provider-ranges.ts', import.meta.url);

/** Shorter than any provider announces; a list that holds one is broken, or not the provider's. */
const SHORTEST = { 4: 10, 6: 24 };

const providers = {
  cloudflare: async () => [
    ...lines(await text('https://www.cloudflare.com/ips-v4')),
    ...lines(await text('https://www.cloudflare.com/ips-v6')),
  ],
  fastly: async () => {
    const list = JSON.parse(await text('https://api.fastly.com/public-ip-list'));
    return [...list.addresses, ...list.ipv6_addresses];
  },
};

async function text(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response.text();
}

function lines(list) {
  return list.split(/\s+/).filter((line) => line !== '');
}

function checked(name, prefixes) {
  for (const prefix of prefixes) {
    const [address, length, ...rest] = String(prefix).split('/');
    const family = isIP(address);
    const isSound =
      family !== 0 &&
      rest.length === 0 &&
      /^\d{1,3}$/.test(length ?? '') &&
      Number(length) >= SHORTEST[family] &&
      Number(length) <= (family === 4 ? 32 : 128);
    if (!isSound) throw new Error(`${name}: ${JSON.stringify(prefix)} is no prefix to trust`);
  }
  if (prefixes.length === 0) throw new Error(`${name}: the list is empty`);
  return [...new Set(prefixes)].sort(byFamilyThenAddress);
}

function byFamilyThenAddress(a, b) {
  const families = isIP(a.split('/')[0]) - isIP(b.split('/')[0]);
  if (families !== 0) return families;
  return a.includes(':') ? (a < b ? -1 : 1) : v4(a) - v4(b);
}

function v4(prefix) {
  return prefix
    .split('/')[0]
    .split('.')
    .reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

const isCheck = process.argv.includes('--check');
const today = new Date().toISOString().slice(0, 10);
let source = await readFile(FILE, 'utf8');
let changes = 0;
for (const [name, published] of Object.entries(providers)) {
  const prefixes = checked(name, await published());
  const block = new RegExp(`(// <${name}>\\n)([^]*?)(// </${name}>)`);
  const [, , body] = block.exec(source) ?? [];
  if (body === undefined) throw new Error(`${name}: no markers in ${FILE.pathname}`);
  const before = [...body.matchAll(/^ {4}'(.+)',$/gm)].map(([, prefix]) => prefix);
  const added = prefixes.filter((prefix) => !before.includes(prefix));
  const removed = before.filter((prefix) => !prefixes.includes(prefix));
  for (const prefix of added) console.log(`${name}: + ${prefix}`);
  for (const prefix of removed) console.log(`${name}: - ${prefix}`);
  if (removed.length > before.length / 2)
    throw new Error(`${name}: more than half is gone; look at it first`);
  if (added.length + removed.length > 0) changes++;
  const list = prefixes.map((prefix) => `    '${prefix}',\n`).join('');
  const updated = body
    .replace(/copiedOn: '.*'/, `copiedOn: '${today}'`)
    .replace(/(prefixes: \[\n)[^]*?( {2}\],)/, (_, open, close) => open + list + close);
  source = source.replace(block, (_, open, __, close) => open + updated + close);
}
if (isCheck) {
  console.log(changes === 0 ? 'up to date' : `${changes} of the lists changed`);
  process.exitCode = changes === 0 ? 0 : 1;
} else {
  await writeFile(FILE, source);
  console.log(`wrote ${FILE.pathname}, copies of ${today}`);
}
