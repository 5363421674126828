import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';
import { GeoService } from './geo-service.js';
import { GeoipLiteProvider } from './geoip-lite-provider.js';

const DAY_MS = 24 * 60 * 60 * 1000;

class CountingProvider implements GeoProvider {
  readonly name = 'counting';
  readonly asked: string[] = [];

  constructor(private readonly answer: () => GeoPlace | null) {}

  lookup(ip: { toString(): string }): GeoPlace | null {
    this.asked.push(ip.toString());
    return this.answer();
  }
}

function serviceOf(provider: GeoProvider, options: { maxEntries?: number } = {}) {
  const clock = { now: 1 };
  const errors: unknown[] = [];
  const service = new GeoService(provider, {
    cacheTtlMs: DAY_MS,
    cacheMaxEntries: options.maxEntries ?? 100,
    now: () => clock.now,
    onError: (error) => errors.push(error),
  });
  return { service, clock, errors };
}

const ip = (text: string) => parseIp(text)!;

describe('GeoService', () => {
  it('asks the provider once a day for an address', async () => {
    const provider = new CountingProvider(() => ({ country: 'DE', city: 'Kiel' }));
    const { service, clock } = serviceOf(provider);
    await service.ready();
    expect(service.lookup(ip('203.0.114.7'))).toEqual({ country: 'DE', city: 'Kiel' });
    clock.now += DAY_MS - 1;
    service.lookup(ip('::ffff:203.0.114.7'));
    expect(provider.asked).toEqual(['203.0.114.7']);
    clock.now += 2;
    service.lookup(ip('203.0.114.7'));
    expect(provider.asked).toHaveLength(2);
  });

  it('keeps what is unknown too', async () => {
    const provider = new CountingProvider(() => null);
    const { service } = serviceOf(provider);
    await service.ready();
    service.lookup(ip('203.0.114.7'));
    expect(service.lookup(ip('203.0.114.7'))).toEqual({ country: null, city: null });
    expect(provider.asked).toHaveLength(1);
  });

  it('holds no more addresses than it is told', async () => {
    const provider = new CountingProvider(() => ({ country: 'DE', city: null }));
    const { service } = serviceOf(provider, { maxEntries: 3 });
    await service.ready();
    for (let host = 1; host <= 10; host += 1) service.lookup(ip(`203.0.114.${host}`));
    expect(service.cachedEntries).toBe(3);
  });

  it.each(['10.1.2.3', '127.0.0.1', '::1', 'fd00::1', 'fe80::1', '192.168.0.1'])(
    'never asks about %s, which is nowhere',
    async (address) => {
      const provider = new CountingProvider(() => ({ country: 'DE', city: null }));
      const { service } = serviceOf(provider);
      await service.ready();
      expect(service.lookup(ip(address))).toEqual({ country: null, city: null });
      expect(provider.asked).toEqual([]);
    },
  );

  it('answers unknown, says so once, and asks again when the provider fails', async () => {
    let isBroken = true;
    const provider = new CountingProvider(() => {
      if (isBroken) throw new Error('no data');
      return { country: 'DE', city: null };
    });
    const { service, errors } = serviceOf(provider);
    await service.ready();
    expect(service.lookup(ip('203.0.114.7')).country).toBeNull();
    service.lookup(ip('203.0.114.8'));
    expect(errors).toHaveLength(1);
    isBroken = false;
    expect(service.lookup(ip('203.0.114.7')).country).toBe('DE');
  });

  it('answers unknown when the provider cannot be loaded', async () => {
    const provider: GeoProvider = {
      name: 'broken',
      load: () => Promise.reject(new Error('no file')),
      lookup: () => ({ country: 'DE', city: null }),
    };
    const { service, errors } = serviceOf(provider);
    await service.ready();
    expect(service.lookup(ip('203.0.114.7')).country).toBeNull();
    expect(errors).toHaveLength(1);
  });
});

describe('GeoipLiteProvider', () => {
  it('knows country and city of public addresses, and turns its empty strings into null', async () => {
    const provider = new GeoipLiteProvider();
    expect(provider.lookup(ip('66.249.73.135'))).toBeNull();
    await provider.load();
    expect(provider.lookup(ip('66.249.73.135'))?.country).toBe('US');
    expect(provider.lookup(ip('1.1.1.1'))?.country).toBeNull();
    expect(provider.lookup(ip('2a00:1450:4001::1'))?.country).toBe('DE');
  });
});
