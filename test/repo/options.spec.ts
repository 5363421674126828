import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { IpTrackingError } from '../../src/ip-tracking.errors.js';
import { resolveOptions, type IpTrackingOptions } from '../../src/ip-tracking.options.js';
import { checkRouteLimit } from '../../src/limits/limits.options.js';
import { completed } from '../../src/limits/store/redis/redis-limit-storage.options.js';
import { createClientIpResolver, type ClientIpOptions } from '../../src/net/client-ip.js';
import { codeIn, rowsOf } from './markdown.js';
import { filesBelow, ROOT } from './source-tree.js';

const PAGE = 'docs/options.md';
/** How many options the README shows: the rest is one page away. */
const IN_README = 10;

/** Under which option the tables of a room's `<room>.options.ts` stand; those of the top level under none. */
const PLACES: Record<string, string> = {
  DATABASE: 'database',
  EDGE: '',
  RULES: 'rules',
  AUTOMATIC_BLOCKS: 'rules.automaticBlocks',
  REQUEST_LOG: 'requestLog',
  TUNING: 'requestLog.tuning',
  SPOOL: 'requestLog.spool',
  GEO: 'geo',
  PRIVACY: 'privacy',
  LIMITS: 'rateLimits',
  HEADERS: 'rateLimits.headers',
  DETECTION: 'detection',
  SIGNALS: 'signals',
  PROBES: 'signals.probes',
};

/** No option is called anything like it, so that the error lists all that there are instead of the nearest. */
const NO_OPTION = 'zzzzzzzzzzzzzzzzzzzz';
const database = { url: 'postgres://127.0.0.1:1/none' };

function below(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`;
}

/** The names that an error lists when it is asked for one that there is not; null where it says something else. */
function namesListed(ask: () => unknown, before: RegExp): string[] | null {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof IpTrackingError) || error.code !== 'IPT_UNKNOWN_OPTION') return null;
    const [, list] = new RegExp(`${before.source} (.+)\\.$`).exec(error.message) ?? [];
    return list?.split(', ') ?? null;
  }
  return null;
}

/** The options below a place, as the module itself lists them; null where an option has none of its own. */
function optionsAt(place: string, given: object = {}): string[] | null {
  const path = place === '' ? [] : place.split('.');
  const options = path.reduceRight<object>((inner, name) => ({ [name]: inner }), {
    [NO_OPTION]: 1,
    ...given,
  });
  return namesListed(() => resolveOptions(options as IpTrackingOptions), /There are:/);
}

/** All that the module checks, by full name. */
function everyOption(place = ''): string[] {
  return (optionsAt(place) ?? []).flatMap((name) => [
    below(place, name),
    ...everyOption(below(place, name)),
  ]);
}

/** The options of all strategies: the resolver of the client IP checks its own. */
function clientIpOptions(): string[] {
  const strategies = ['socket', 'trusted-proxies', 'hops', 'header', 'preset'];
  const names = strategies.flatMap((strategy) => {
    const options = { strategy, [NO_OPTION]: 1 } as unknown as ClientIpOptions;
    return namesListed(() => createClientIpResolver(options), /Use one of:/)!;
  });
  return [...new Set(names)].map((name) => `clientIp.${name}`);
}

/** The exported tables of all rooms that end in this word, by full name of what they are about. */
async function tablesOf(ending: 'CHECKS' | 'DEFAULTS'): Promise<Map<string, unknown>> {
  const entries = new Map<string, unknown>();
  for (const path of filesBelow('src', ['.options.ts'])) {
    const exported = (await import(join(ROOT, path))) as Record<string, unknown>;
    for (const [name, table] of Object.entries(exported)) {
      if (!name.endsWith(`_${ending}`)) continue;
      const place = PLACES[name.slice(0, -ending.length - 1)];
      if (place === undefined) throw new Error(`${path}: say in PLACES what ${name} is about`);
      for (const [option, value] of Object.entries(table as object)) {
        entries.set(below(place, option), value);
      }
    }
  }
  return entries;
}

/** What an option is where it is left out; null where it is nothing, or where words have to tell. */
async function everyDefault(): Promise<Map<string, unknown>> {
  const { clientIp } = resolveOptions({ database });
  const redis = Object.entries(completed({})).filter(([, value]) => value !== undefined);
  return new Map<string, unknown>([
    ...(await tablesOf('DEFAULTS')),
    ['clientIp', clientIp],
    ['clientIp.strategy', clientIp.strategy],
    ...redis.map(([name, value]) => [`rateLimits.redis.${name}`, value] as const),
  ]);
}

/** The options of a page, with the cell that says their default. */
function shownIn(path: string): { name: string; given: string }[] {
  return rowsOf(path).flatMap(({ cells: [first = '', given = ''] }) => {
    const name = codeIn(first);
    return name === null ? [] : [{ name, given }];
  });
}

/** A default as a page writes it. */
function valueOf(code: string): unknown {
  return JSON.parse(JSON.stringify(runInNewContext(`(${code})`)));
}

const OPTIONS = [
  ...everyOption(),
  ...clientIpOptions(),
  // In another world than the rest: whoever hands over a DataSource gives nothing else.
  ...optionsAt('database', { dataSource: null })!.map((name) => `database.${name}`),
];

describe('the options', () => {
  it('are found, parts and all', () => {
    expect(OPTIONS).toEqual(
      expect.arrayContaining([
        'identify',
        'rules',
        'rules.mode',
        'rateLimits.redis.keyPrefix',
        'requestLog.tuning.maxQueued',
        'clientIp.hops',
        'database.url',
        'database.dataSource',
      ]),
    );
    expect(OPTIONS.length).toBeGreaterThan(70);
  });

  it('are those that the rooms list, each in its one file', async () => {
    const checked = [...(await tablesOf('CHECKS')).keys()];
    expect(checked.length).toBeGreaterThan(40);
    expect(
      checked.filter((name) => !OPTIONS.includes(name)),
      'nobody checks these: hand the table to src/ip-tracking.options.ts',
    ).toEqual([]);
    expect(
      [...(await everyDefault()).keys()].filter((name) => !OPTIONS.includes(name)),
      'these have a default and are no options',
    ).toEqual([]);
  });

  it(`are on ${PAGE}, each once, and nothing else is`, () => {
    const names = shownIn(PAGE).map(({ name }) => name);
    expect(
      OPTIONS.filter((name) => !names.includes(name)),
      'give each a row: its name, its default, one line',
    ).toEqual([]);
    expect(
      names.filter((name) => !OPTIONS.includes(name)),
      'there is no such option: mend the name, or take the row out',
    ).toEqual([]);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it(`have the defaults that ${PAGE} says`, async () => {
    const defaults = await everyDefault();
    const wrong = shownIn(PAGE).flatMap(({ name, given }) => {
      const value = defaults.get(name) ?? null;
      const code = codeIn(given);
      // What is no value, such as "none" or "on", is said in words.
      if (value === null) return code === null ? [] : [`${name}: ${given} is said to be a value`];
      const isRight = code !== null && JSON.stringify(valueOf(code)) === JSON.stringify(value);
      return isRight ? [] : [`${name}: ${given} is ${JSON.stringify(value)}`];
    });
    expect(wrong, 'write the default as the code has it').toEqual([]);
  });

  it('have one line each', () => {
    const empty = rowsOf(PAGE).filter(({ cells }) => cells.length !== 3 || cells.includes(''));
    expect(empty.map(({ cells }) => cells[0])).toEqual([]);
  });
});

describe('the README', () => {
  it(`shows ${IN_README} of them, as ${PAGE} does`, () => {
    const page = shownIn(PAGE);
    const shown = rowsOf('README.md')
      .filter(({ heading }) => heading === 'Options')
      .map(({ cells: [first = '', given = ''] }) => ({ name: codeIn(first), given }));
    expect(shown).toHaveLength(IN_README);
    expect(
      shown.filter(
        ({ name, given }) => !page.some((row) => row.name === name && row.given === given),
      ),
      'the name and the default have to be those of the page',
    ).toEqual([]);
    expect(new Set(shown.map(({ name }) => name)).size).toBe(IN_README);
  });
});

describe('docs/rate-limits.md', () => {
  it('has the options of @RateLimit(), each once, and no others', () => {
    const ask = () => checkRouteLimit({ [NO_OPTION]: 1 } as never);
    const options = namesListed(ask, /There are:/)!;
    const shown = rowsOf('docs/rate-limits.md')
      .filter(({ heading }) => heading === 'A limit of its own')
      .flatMap(({ cells: [first = ''] }) =>
        [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name),
      );
    expect(options.length).toBeGreaterThan(5);
    expect([...shown].sort()).toEqual([...options].sort());
  });
});
