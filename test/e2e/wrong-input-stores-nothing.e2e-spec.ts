import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  IpRuleService,
  IpTrackingError,
  PrivacyService,
  RateLimitService,
  RequestLogService,
} from '../../src/index.js';
import { startHost, type Host } from '../support/host-app.js';

const TEN_YEARS_MS = 3_650 * 86_400_000;
const NUL = 'a\u0000b';
const LONE = 'a\ud800b';
const LONG = 'x'.repeat(1_001);

/** What no type lets through, and a body parser or a script hands over all the same. */
const NO_TEXTS: [string, unknown][] = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 7],
  ['true', true],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['an array', []],
  ['an array with one', ['203.0.113.7']],
];

/** What PostgreSQL cannot store, or nobody would read. */
const UNSTORABLE: [string, unknown][] = [
  ['with a NUL', NUL],
  ['with half a character', LONE],
  ['of 1,001 characters', LONG],
];

describe('wrong input to a service', () => {
  let host: Host;
  let rules: IpRuleService;

  beforeAll(async () => {
    host = await startHost({ adapter: 'express' });
    rules = host.app.get(IpRuleService);
  });
  afterAll(() => host.close());

  const stored = () => host.database.query('select * from ip_tracking.ip_rule');
  const codeOf = async (attempt: () => unknown): Promise<string> => {
    try {
      await attempt();
      return 'accepted';
    } catch (error) {
      return error instanceof IpTrackingError ? error.code : `${(error as Error).name}: ${error}`;
    }
  };
  const eachWay = async (network: unknown, details?: unknown) => {
    const codes = new Set<string>();
    for (const way of ['block', 'allow', 'monitor'] as const) {
      codes.add(await codeOf(() => rules[way](network as string, details as never)));
    }
    return [...codes];
  };

  it.each(NO_TEXTS)('is no network: %s', async (_, network) => {
    expect(await eachWay(network)).toEqual(['IPT_INVALID_PREFIX']);
    for (const way of ['unblock', 'disallow', 'unmonitor'] as const) {
      expect(await codeOf(() => rules[way](network as string))).toBe('IPT_INVALID_PREFIX');
    }
    expect(await codeOf(() => rules.explain(network as string))).toBe('IPT_INVALID_IP');
    expect(await codeOf(() => rules.decide(network as string))).toBe('IPT_INVALID_IP');
    expect(await stored()).toEqual([]);
  });

  it.each([-1, 0, 0.5, NaN, Infinity, -Infinity, TEN_YEARS_MS + 1, '7', null, {}])(
    'is no time for a rule to act: %s',
    async (forMs) => {
      expect(await eachWay('203.0.113.7', { forMs })).toEqual(['IPT_INVALID_DURATION']);
      expect(await stored()).toEqual([]);
    },
  );

  it.each(
    ['reason', 'source', 'createdBy'].flatMap((name) =>
      [...UNSTORABLE, ...NO_TEXTS]
        .filter(([, value]) => value !== undefined)
        .map(([what, value]) => [name, what, value] as const),
    ),
  )('is no %s: %s', async (name, _, value) => {
    expect(await eachWay('203.0.113.7', { [name]: value })).toEqual(['IPT_INVALID_OPTION']);
    expect(await stored()).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['a space', ' '],
    ['more bytes than its index takes', '\u{1f600}'.repeat(601)],
  ])('is no source: %s', async (_, source) => {
    expect(await eachWay('203.0.113.7', { source })).toEqual(['IPT_INVALID_OPTION']);
    expect(await stored()).toEqual([]);
  });

  it('is a misspelt detail, for which the right one is named', async () => {
    await expect(rules.block('203.0.113.7', { resaon: 'x' } as never)).rejects.toMatchObject({
      code: 'IPT_UNKNOWN_OPTION',
      message: 'details.resaon is not an option. Did you mean details.reason?',
    });
    await expect(rules.allow('203.0.113.7', { force: true } as never)).rejects.toMatchObject({
      code: 'IPT_UNKNOWN_OPTION',
    });
    expect(await codeOf(() => rules.unblock('203.0.113.7', { By: 'x' } as never))).toBe(
      'IPT_UNKNOWN_OPTION',
    );
    expect(await codeOf(() => rules.list({ expired: true } as never))).toBe('IPT_UNKNOWN_OPTION');
    expect(await codeOf(() => rules.explain('203.0.113.7', { url: '/' } as never))).toBe(
      'IPT_UNKNOWN_OPTION',
    );
    expect(await stored()).toEqual([]);
  });

  it.each([
    ['null', null],
    ['a text', 'x'],
    ['a number', 7],
    ['an array', []],
  ])('are details that are no object: %s', async (_, details) => {
    expect(await eachWay('203.0.113.7', details)).toEqual(['IPT_INVALID_OPTION']);
    expect(await codeOf(() => rules.unblock('203.0.113.7', details as never))).toBe(
      'IPT_INVALID_OPTION',
    );
    expect(await codeOf(() => rules.list(details as never))).toBe('IPT_INVALID_OPTION');
    expect(await codeOf(() => rules.explain('203.0.113.7', details as never))).toBe(
      'IPT_INVALID_OPTION',
    );
  });

  it.each([
    ['force', { force: 'yes' }],
    ['isAutomatic', { isAutomatic: 1 }],
  ])('is a flag that is none: %s', async (_, details) => {
    expect(await codeOf(() => rules.block('203.0.113.7', details as never))).toBe(
      'IPT_INVALID_OPTION',
    );
    expect(await stored()).toEqual([]);
  });

  it.each([
    ['by', () => rules.unblock('203.0.113.7', { by: NUL }), 'IPT_INVALID_OPTION'],
    ['path', () => rules.explain('203.0.113.7', { path: 7 as never }), 'IPT_INVALID_OPTION'],
    ['country', () => rules.explain('203.0.113.7', { country: 'de' }), 'IPT_INVALID_COUNTRY'],
    ['includeExpired', () => rules.list({ includeExpired: 1 as never }), 'IPT_INVALID_OPTION'],
  ])('is about what is asked: %s', async (_, attempt, code) => {
    expect(await codeOf(attempt)).toBe(code);
  });

  it('is all that is refused: what can be stored is', async () => {
    const rule = await rules.block('203.0.113.7', {
      reason: '\u{1f600}'.repeat(1_000),
      source: 's'.repeat(1_000),
      createdBy: '',
      forMs: TEN_YEARS_MS,
      caller: '203.0.113.8',
      force: false,
      isAutomatic: false,
    });
    expect(rule).toMatchObject({ reason: '\u{1f600}'.repeat(1_000), source: 's'.repeat(1_000) });
    await rules.block('203.0.113.9', { reason: undefined, forMs: undefined });
    await rules.unblock('203.0.113.7', { by: 'me' });
    await rules.unblock('203.0.113.9');
    expect(await stored()).toEqual([]);
  });

  it.each(NO_TEXTS)('is no client whose limits could be reset: %s', async (_, client) => {
    const limits = host.app.get(RateLimitService);
    expect(await codeOf(() => limits.resetLimits(client as string))).toBe('IPT_INVALID_IP');
  });

  it.each(UNSTORABLE)('is no user whose limits could be reset: one %s', async (_, id) => {
    const limits = host.app.get(RateLimitService);
    expect(await codeOf(() => limits.resetLimits(`user:${id}`))).toBe('IPT_INVALID_OPTION');
  });

  it.each([
    ...UNSTORABLE,
    ...NO_TEXTS.filter(([, name]) => name !== undefined),
    ['nothing', ''],
    ['two words', 'no name'],
    ['of 65 letters', 'x'.repeat(65)],
  ])('is no name of a limit: %s', async (_, name) => {
    const limits = host.app.get(RateLimitService);
    expect(await codeOf(() => limits.resetLimits('203.0.113.7', name as string))).toBe(
      'IPT_INVALID_OPTION',
    );
  });

  it.each(NO_TEXTS)('is no address to erase or to hand out: %s', async (_, address) => {
    const privacy = host.app.get(PrivacyService);
    expect(await codeOf(() => privacy.eraseAddress(address as string))).toBe('IPT_INVALID_IP');
    expect(await codeOf(() => privacy.exportAddress(address as string).next())).toBe(
      'IPT_INVALID_IP',
    );
    expect(await host.database.query('select * from ip_tracking.erased_address')).toEqual([]);
  });

  it.each([
    null,
    {},
    { retentionDays: -1, rollupRetentionDays: 0 },
    { retentionDays: NaN, rollupRetentionDays: 0 },
    { retentionDays: 1, rollupRetentionDays: 0, days: 1 },
  ])('is no time to keep the log for: %j', async (days) => {
    const log = host.app.get(RequestLogService);
    expect(await codeOf(() => log.prune(days as never))).toMatch(/^IPT_(INVALID|UNKNOWN)_OPTION$/);
  });
});
