import { describe, expect, it } from 'vitest';
import { parseIp } from '../net/ip-address.js';
import { ChainGeoProvider } from './chain-geo-provider.js';
import type { GeoPlace, GeoProvider } from './geo-provider.js';

const IP = parseIp('81.1.2.3')!;

function source(
  name: string,
  lookup: GeoProvider['lookup'],
  more: Partial<GeoProvider> = {},
): GeoProvider {
  return { name, lookup, ...more };
}

const KIEL: GeoPlace = { country: 'DE', city: 'Kiel' };
const knows = source('knows', () => KIEL);
const knowsLater = source('later', () => Promise.resolve(KIEL));
const knowsNothing = source('nothing', () => null);
const knowsNoCountry = source('empty', () => ({ country: '', city: 'Atlantis' }));
const fails = source('fails', () => {
  throw new Error('broken');
});
const failsLater = source('fails later', () => Promise.reject(new Error('gone')));

async function ask(...providers: GeoProvider[]) {
  const chain = new ChainGeoProvider(providers);
  await chain.load();
  return chain.lookup(IP);
}

describe('ChainGeoProvider', () => {
  it.each([
    ['the first that knows', [knows, fails]],
    ['the next where one knows nothing', [knowsNothing, knows]],
    ['the next where one knows no country', [knowsNoCountry, knows]],
    ['the next where one fails', [fails, knows]],
    ['the next where one fails later', [failsLater, knowsNothing, knows]],
    ['one that answers later', [knowsNothing, knowsLater, fails]],
  ])('asks %s', async (_, providers) => {
    expect(await ask(...providers)).toEqual(KIEL);
  });

  it('answers at once as long as its providers do', () => {
    const chain = new ChainGeoProvider([knowsNothing, knows, knowsLater]);
    return chain.load().then(() => expect(chain.lookup(IP)).toEqual(KIEL));
  });

  it('tells the little that is known, and nothing where nothing is', async () => {
    expect(await ask(knowsNothing, knowsNoCountry)).toEqual({ country: '', city: 'Atlantis' });
    expect(await ask(knowsNothing)).toBeNull();
  });

  it('fails only where nobody else has answered', async () => {
    await expect(ask(fails, failsLater)).rejects.toThrow('gone');
    expect(await ask(fails, knowsNoCountry)).toMatchObject({ city: 'Atlantis' });
  });

  it('passes over what cannot be loaded, and says so', async () => {
    const warnings: string[] = [];
    const missing = source('missing', () => ({ country: 'XX', city: null }), {
      load: () => Promise.reject(new Error('no file')),
    });
    const chain = new ChainGeoProvider([missing, knows]);
    await chain.load((message) => warnings.push(message));
    expect(chain.lookup(IP)).toEqual(KIEL);
    expect(warnings).toEqual(['missing is passed over: no file']);
    await expect(new ChainGeoProvider([missing]).load()).rejects.toThrow('no file');
  });

  it('is as old as the oldest of its data', async () => {
    const of = (day: string) => source(day, () => null, { dataDate: new Date(day) });
    const chain = new ChainGeoProvider([of('2026-06-01'), knows, of('2023-11-15')]);
    expect(chain.dataDate).toBeNull();
    await chain.load();
    expect(chain.dataDate).toEqual(new Date('2023-11-15'));
    expect(chain.name).toBe('chain(2026-06-01, knows, 2023-11-15)');
  });

  it('refuses to be empty', () => {
    expect(() => new ChainGeoProvider([])).toThrow(
      expect.objectContaining({ code: 'IPT_INVALID_OPTION' }),
    );
  });
});
