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

describe('GeoService over a provider that answers later', () => {
  /** Answers when it is told to. */
  class SlowProvider implements GeoProvider {
    readonly name = 'slow';
    readonly waiting: {
      key: string;
      answer: (place: GeoPlace | null) => void;
      fail: () => void;
    }[] = [];

    lookup(address: { toString(): string }): Promise<GeoPlace | null> {
      return new Promise((resolve, reject) => {
        this.waiting.push({
          key: address.toString(),
          answer: resolve,
          fail: () => reject(new Error('gone')),
        });
      });
    }
  }

  const UNKNOWN = { country: null, city: null };
  const KIEL = { country: 'DE', city: 'Kiel' };

  async function slowService(lookupTimeoutMs = 1_000) {
    const provider = new SlowProvider();
    const clock = { now: 1 };
    const errors: unknown[] = [];
    const service = new GeoService(provider, {
      cacheTtlMs: DAY_MS,
      cacheMaxEntries: 100,
      lookupTimeoutMs,
      now: () => clock.now,
      onError: (error) => errors.push(error),
    });
    await service.ready();
    return { service, provider, clock, errors };
  }

  it('never waits in a request: unknown at first, known once the answer is there', async () => {
    const { service, provider } = await slowService();
    expect(service.lookup(ip('203.0.114.7'))).toEqual(UNKNOWN);
    expect(service.lookup(ip('203.0.114.7'))).toEqual(UNKNOWN);
    expect(provider.waiting).toHaveLength(1);
    provider.waiting[0]!.answer(KIEL);
    await new Promise(setImmediate);
    expect(service.lookup(ip('203.0.114.7'))).toEqual(KIEL);
    expect(provider.waiting).toHaveLength(1);
  });

  it('has one lookup under way for an address, whoever asks', async () => {
    const { service, provider } = await slowService();
    const places = Promise.all([
      service.locate(ip('203.0.114.7')),
      service.locate(ip('::ffff:203.0.114.7')),
      service.locate(ip('203.0.114.8')),
    ]);
    service.lookup(ip('203.0.114.7'));
    expect(provider.waiting.map(({ key }) => key)).toEqual(['203.0.114.7', '203.0.114.8']);
    provider.waiting.forEach(({ answer }) => answer(KIEL));
    expect(await places).toEqual([KIEL, KIEL, KIEL]);
    expect(service.locate(ip('203.0.114.7'))).toEqual(KIEL);
  });

  it('keeps what is unknown, and asks again after a failure', async () => {
    const { service, provider, errors } = await slowService();
    void service.locate(ip('203.0.114.7'));
    provider.waiting[0]!.answer(null);
    void service.locate(ip('203.0.114.8'));
    provider.waiting[1]!.fail();
    await new Promise(setImmediate);
    expect(service.locate(ip('203.0.114.7'))).toEqual(UNKNOWN);
    expect(service.locate(ip('203.0.114.8'))).toBeInstanceOf(Promise);
    expect(errors).toHaveLength(1);
  });

  it('waits once for one that hangs, and not again before it has answered', async () => {
    const { service, provider } = await slowService(20);
    expect(await service.locate(ip('203.0.114.7'))).toEqual(UNKNOWN);
    expect(service.locate(ip('203.0.114.8'))).toEqual(UNKNOWN);
    provider.waiting[1]!.answer(KIEL);
    await new Promise(setImmediate);
    expect(service.locate(ip('203.0.114.8'))).toEqual(KIEL);
    expect(service.locate(ip('203.0.114.9'))).toBeInstanceOf(Promise);
  });

  it('gives a lookup up for lost after half a minute', async () => {
    const { service, provider, clock } = await slowService();
    service.lookup(ip('203.0.114.7'));
    clock.now += 29_999;
    service.lookup(ip('203.0.114.7'));
    expect(provider.waiting).toHaveLength(1);
    clock.now += 1;
    service.lookup(ip('203.0.114.7'));
    expect(provider.waiting).toHaveLength(2);
  });

  it('asks for 10,000 addresses at once at most', async () => {
    const { service, provider } = await slowService();
    for (let host = 0; host < 10_100; host += 1) {
      service.lookup(ip(`81.1.${host >> 8}.${host & 255}`));
    }
    expect(provider.waiting).toHaveLength(10_000);
  });
});

describe('what a provider says', () => {
  it.each([
    ['', null],
    ['de', null],
    ['-', null],
    ['ZZZ', null],
    ['Germany', null],
    [49, null],
    ['DE', 'DE'],
  ])('has the country %j as %j', async (country, expected) => {
    const provider = new CountingProvider(() => ({ country, city: null }) as GeoPlace);
    const { service } = serviceOf(provider);
    await service.ready();
    expect(service.lookup(ip('203.0.114.7')).country).toBe(expected);
  });

  it.each([
    ['', null],
    [' ', null],
    ['Ki\u0000el\u001b[2J', 'Ki el [2J'],
    ['\ud800', '\ufffd'],
    ['x'.repeat(500), 'x'.repeat(128)],
    [{}, null],
  ])('has the city %j as %j', async (city, expected) => {
    const provider = new CountingProvider(() => ({ country: null, city }) as GeoPlace);
    const { service } = serviceOf(provider);
    await service.ready();
    expect(service.lookup(ip('203.0.114.7')).city).toBe(expected);
  });
});

describe('the age of the data', () => {
  const warningsOf = async (dataDate: Date | null, warnAfterDays?: number) => {
    const warnings: string[] = [];
    const service = new GeoService(
      { name: 'aged', dataDate, lookup: () => null },
      {
        cacheTtlMs: DAY_MS,
        cacheMaxEntries: 1,
        ...(warnAfterDays === undefined ? {} : { warnAfterDays }),
        now: () => 1,
        wallNow: () => Date.UTC(2026, 10, 21),
        onError: () => undefined,
        onWarning: (message) => warnings.push(message),
      },
    );
    await Promise.all([service.ready(), service.ready()]);
    return warnings;
  };

  it('is warned about once after a year, with the day and the cure', async () => {
    expect(await warningsOf(new Date('2025-11-21'))).toEqual([]);
    const warnings = await warningsOf(new Date('2025-11-20'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/aged's data of 2025-11-20.*MaxMindProvider/);
  });

  it('is nobody knows whose where it is not told', async () => {
    expect(await warningsOf(null)).toEqual([]);
  });

  it('is as old as one likes where that is asked for', async () => {
    expect(await warningsOf(new Date('2023-11-15'), 0)).toEqual([]);
    expect(await warningsOf(new Date('2025-11-20'), 366)).toEqual([]);
  });
});

describe('GeoipLiteProvider', () => {
  it('knows country and city of public addresses, and turns its empty strings into null', async () => {
    const provider = new GeoipLiteProvider();
    expect(provider.lookup(ip('66.249.73.135'))).toBeNull();
    expect(provider.dataDate).toBeNull();
    await provider.load();
    expect(provider.dataDate).toEqual(new Date('2023-11-15T00:00:00Z'));
    expect(provider.lookup(ip('66.249.73.135'))?.country).toBe('US');
    expect(provider.lookup(ip('1.1.1.1'))?.country).toBeNull();
    expect(provider.lookup(ip('2a00:1450:4001::1'))?.country).toBe('DE');
  });
});
