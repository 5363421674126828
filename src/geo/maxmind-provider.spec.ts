import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeMmdb, type MmdbValue } from '../../test/support/mmdb.js';
import { parseIp } from '../net/ip-address.js';
import { MaxMindProvider } from './maxmind-provider.js';

const ip = (text: string) => parseIp(text)!;

/** As GeoLite2-City has it. */
const geolite = (code: string, city: string): MmdbValue => ({
  country: { iso_code: code, names: { en: 'a country', de: 'ein Land' } },
  city: { names: { de: 'anders', en: city } },
});

const FILE = encodeMmdb({
  networks: {
    '0.0.0.0/1': geolite('US', 'Springfield'),
    '81.0.0.0/8': geolite('DE', 'Kiel'),
    '81.2.69.0/24': geolite('GB', 'London'),
    // As the files of DB-IP have it, and those of ipinfo.
    '82.0.0.0/8': { country_code: 'FR', city: 'Brest' },
    '83.0.0.0/8': { country: 'NL', city: 'Delft' },
    '84.0.0.0/8': { country: { iso_code: '' }, registered_country: { iso_code: 'AU' } },
    '2001:4000::/20': geolite('SE', 'Lund'),
  },
});

describe('MaxMindProvider', () => {
  let folder: string;
  let path: string;
  let provider: MaxMindProvider;
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ipt-mmdb-'));
    path = join(folder, 'places.mmdb');
    writeFileSync(path, FILE);
    provider = new MaxMindProvider({ path });
    warnings.length = 0;
  });
  afterEach(() => {
    provider.close();
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  /** As every updater should. */
  const replace = (bytes: Buffer) => {
    writeFileSync(`${path}.new`, bytes);
    renameSync(`${path}.new`, path);
  };
  const moved = (city: string, builtAt?: Date) =>
    encodeMmdb({ networks: { '81.0.0.0/8': geolite('DE', city) }, ...(builtAt && { builtAt }) });

  it.each([
    ['4.4.4.4', { country: 'US', city: 'Springfield' }],
    ['81.1.2.3', { country: 'DE', city: 'Kiel' }],
    ['81.2.69.142', { country: 'GB', city: 'London' }],
    ['82.1.2.3', { country: 'FR', city: 'Brest' }],
    ['83.1.2.3', { country: 'NL', city: 'Delft' }],
    ['84.1.2.3', { country: null, city: null }],
    ['2001:4abc::1', { country: 'SE', city: 'Lund' }],
    ['193.0.6.139', null],
    ['2a00::1', null],
  ])('knows %s', async (address, place) => {
    await provider.load();
    expect(provider.lookup(ip(address))).toEqual(place);
  });

  it('does not answer for IPv6 from a file of IPv4', async () => {
    replace(encodeMmdb({ ipVersion: 4, networks: { '32.0.0.0/3': geolite('US', 'Springfield') } }));
    await provider.load();
    expect(provider.lookup(ip('33.1.2.3'))?.country).toBe('US');
    expect(provider.lookup(ip('2001:4abc::1'))).toBeNull();
  });

  it('says how old its data is', async () => {
    expect(provider.dataDate).toBeNull();
    await provider.load();
    expect(provider.dataDate).toEqual(new Date('2026-11-01T00:00:00Z'));
  });

  it('takes a new file up without a restart', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    await provider.load(warn);
    replace(moved('Rostock', new Date('2026-12-01T00:00:00Z')));
    expect(provider.lookup(ip('81.1.2.3'))?.city).toBe('Kiel');
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(() => expect(provider.lookup(ip('81.1.2.3'))?.city).toBe('Rostock'));
    expect(provider.dataDate).toEqual(new Date('2026-12-01T00:00:00Z'));
    expect(warnings).toEqual([]);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 200), /no metadata/],
    ['cut off in its metadata', (bytes: Buffer) => bytes.subarray(0, bytes.length - 20), /./],
    ['without its beginning', (bytes: Buffer) => bytes.subarray(bytes.length - 300), /./],
    ['empty', () => Buffer.alloc(0), /no metadata/],
    ['a page of HTML', () => Buffer.from('<html>quota exceeded</html>'), /no metadata/],
    ['still compressed', (bytes: Buffer) => gzipSync(bytes), /gunzip/],
  ])('keeps what it has where the new file is %s, and says so once', async (_, broken, message) => {
    await provider.load(warn);
    replace(broken(FILE));
    await provider.refresh(warn);
    await provider.refresh(warn);
    expect(provider.lookup(ip('81.2.69.142'))?.city).toBe('London');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^the places of before stay: .*places\.mmdb/);
    expect(warnings[0]).toMatch(message);
    replace(moved('Rostock'));
    await provider.refresh(warn);
    expect(provider.lookup(ip('81.1.2.3'))?.city).toBe('Rostock');
    expect(warnings).toHaveLength(1);
  });

  it('survives a file that is cut off where it lies', async () => {
    await provider.load(warn);
    truncateSync(path, 100);
    await provider.refresh(warn);
    expect(provider.lookup(ip('81.2.69.142'))?.city).toBe('London');
    expect(warnings).toHaveLength(1);
  });

  it('survives that there is no file for a while', async () => {
    await provider.load(warn);
    rmSync(path);
    await provider.refresh(warn);
    await provider.refresh(warn);
    expect(warnings).toHaveLength(1);
    expect(provider.lookup(ip('81.2.69.142'))?.city).toBe('London');
    writeFileSync(path, moved('Rostock'));
    await provider.refresh(warn);
    expect(provider.lookup(ip('81.1.2.3'))?.city).toBe('Rostock');
  });

  it.each([
    ['missing', () => rmSync(path)],
    ['cut off', () => truncateSync(path, 100)],
  ])('cannot begin with a file that is %s', async (_, spoil) => {
    spoil();
    await expect(provider.load()).rejects.toMatchObject({ code: 'IPT_GEO_FILE' });
    expect(provider.lookup(ip('81.2.69.142'))).toBeNull();
  });

  it('never throws or answers nonsense for a file cut at any byte', async () => {
    for (let size = 0; size < FILE.length; size += 7) {
      writeFileSync(path, FILE.subarray(0, size));
      await provider.load().catch(() => undefined);
      provider.close();
      expect(provider.lookup(ip('81.2.69.142'))?.city ?? 'London').toBe('London');
    }
  });
});
