import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientFacts, type PastBan, UNKNOWN_CLIENT } from './client-facts.js';
import {
  type Outcome,
  overBudget,
  planResponse,
  type ResponseCeiling,
  type ResponsePolicy,
} from './plan-response.js';
import type { ProtectionKind } from './protected-networks.js';
import type { Response, ResponseLevel } from './response.js';
import type { FindingEvidence, ResponseFinding } from '../detection/response-finding.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const NOW = Date.UTC(2026, 0, 31);

const NOTHING: FindingEvidence = {
  isPageFetch: false,
  isImageLike: false,
  hasSecondSignal: false,
  distinctPaths: 1,
  isGrave: false,
};
const PROBE: ResponseFinding = {
  subject: '203.0.113.7',
  detector: 'probe-path',
  score: 50,
  firstSeenMs: NOW - 1_000,
  evidence: NOTHING,
};

interface Case {
  finding?: Partial<ResponseFinding>;
  evidence?: Partial<FindingEvidence>;
  client?: Partial<ClientFacts>;
  policy?: Partial<ResponsePolicy>;
}

function plan({ finding, evidence, client, policy }: Case = {}, random = () => 0.5): Outcome {
  return planResponse(
    {
      finding: { ...PROBE, ...finding, evidence: { ...NOTHING, ...evidence } },
      client: { ...UNKNOWN_CLIENT, ...client },
      policy: { ceiling: 'ban', level: 'ban', ...policy },
    },
    NOW,
    random,
  );
}

const past = (agoMs: number, lengthMs = HOUR_MS, action: PastBan['action'] = 'ban'): PastBan => ({
  action,
  startedAtMs: NOW - agoMs,
  endsAtMs: NOW - agoMs + lengthMs,
});
const protection = (kind: ProtectionKind) => ({ protection: { kind, network: '203.0.113.0/24' } });
const users = (knownUsers: number, successes: number, failures: number) => ({
  users: { knownUsers, successes, failures },
});

describe('what follows from a finding', () => {
  it('is a ban of the client, where nothing speaks for it', () => {
    const { plan: ban, ...outcome } = plan();
    expect(outcome).toEqual({
      response: 'ban',
      code: 'ban',
      reason: 'banned for 4 hours: its first ban within 30 days',
    });
    expect({ ...ban, network: ban?.network.toString() }).toEqual({
      action: 'ban',
      network: '203.0.113.7/32',
      lengthMs: 4 * HOUR_MS,
      untilMs: NOW + 4 * HOUR_MS,
    });
  });

  it.each<[string, Case, number]>([
    ['4 hours', {}, 4 * HOUR_MS],
    ['an hour for a burst', { finding: { detector: 'burst' } }, HOUR_MS],
    ['what the host says', { policy: { firstBanMs: 10 * MINUTE_MS } }, 10 * MINUTE_MS],
    ['twice that after a ban', { client: { history: [past(2 * DAY_MS)] } }, 8 * HOUR_MS],
    [
      'no more after a limit',
      { client: { history: [past(2 * DAY_MS, HOUR_MS, 'limit')] } },
      4 * HOUR_MS,
    ],
    [
      'no more after a ban that was pardoned',
      { client: { history: [past(2 * DAY_MS)], pardonedAtMs: NOW - DAY_MS } },
      4 * HOUR_MS,
    ],
    [
      'twice after a ban since the pardon',
      { client: { history: [past(3 * DAY_MS), past(DAY_MS)], pardonedAtMs: NOW - 2 * DAY_MS } },
      8 * HOUR_MS,
    ],
  ])('lasts for %s', (_, given, lengthMs) => {
    expect(plan(given).plan?.lengthMs).toBe(lengthMs);
  });

  it.each<[string, Case, Outcome['response'], Outcome['code']]>([
    // What the host and the detector allow
    ['a ceiling of flag', { policy: { ceiling: 'flag' } }, 'flag', 'ceiling'],
    ['a ceiling of limit', { policy: { ceiling: 'limit' } }, 'limit', 'ceiling'],
    ['a detector that may limit', { policy: { level: 'limit' } }, 'limit', 'detector-level'],
    [
      'a detector that may flag, below a ceiling of limit',
      { policy: { level: 'flag', ceiling: 'limit' } },
      'flag',
      'detector-level',
    ],
    [
      'a ceiling of flag over a detector that may limit',
      { policy: { level: 'limit', ceiling: 'flag' } },
      'flag',
      'ceiling',
    ],
    ['a detector that is off', { policy: { level: 'off' } }, 'none', 'detector-off'],
    ['a function that says ban', { policy: { ceiling: () => 'ban' } }, 'ban', 'ban'],
    [
      'a function that says ban of a detector that may flag',
      { policy: { ceiling: () => 'ban', level: 'flag' } },
      'flag',
      'detector-level',
    ],
    [
      'a function of the finding',
      { policy: { ceiling: ({ score }) => (score > 60 ? 'ban' : 'limit') } },
      'limit',
      'ceiling',
    ],
    [
      'a function that throws',
      {
        policy: {
          ceiling: () => {
            throw new Error('host');
          },
        },
      },
      'flag',
      'ceiling-failed',
    ],
    [
      'a function that says nothing',
      { policy: { ceiling: (() => undefined) as unknown as ResponseCeiling } },
      'flag',
      'ceiling-failed',
    ],
    [
      'a function that says what there is not',
      { policy: { ceiling: (() => 'toString') as unknown as ResponseCeiling } },
      'flag',
      'ceiling-failed',
    ],
    // Whom it is about
    ['a user', { finding: { subject: 'user:42' } }, 'flag', 'no-network'],
    ['a wide network', { finding: { subject: '203.0.113.0/24' } }, 'flag', 'no-network'],
    // Who is never banned
    ['a never-block network', { client: protection('never-block') }, 'flag', 'protected'],
    ['an allow rule', { client: protection('allow-rule') }, 'flag', 'protected'],
    ['a trusted proxy', { client: protection('trusted-proxy') }, 'flag', 'protected'],
    ["the app's own address", { client: protection('own-address') }, 'flag', 'protected'],
    ['loopback', { client: protection('loopback') }, 'flag', 'protected'],
    ['a verified crawler', { client: { crawler: 'verified' } }, 'flag', 'verified-crawler'],
    [
      'one that asked for a secret',
      { client: { crawler: 'verified' }, evidence: { isGrave: true } },
      'flag',
      'verified-crawler',
    ],
    [
      'a claim that could not be verified',
      { client: { crawler: 'unknown' } },
      'flag',
      'unverified-crawler',
    ],
    [
      'such a claim, and a secret',
      { client: { crawler: 'unknown' }, evidence: { isGrave: true } },
      'limit',
      'unverified-crawler',
    ],
    ['a claim that was refuted', { client: { crawler: 'refuted' } }, 'ban', 'ban'],
    // What a page made a browser ask
    ['a page-fetch', { evidence: { isPageFetch: true } }, 'flag', 'induced'],
    [
      'a page-fetch of a secret',
      { evidence: { isPageFetch: true, isGrave: true } },
      'flag',
      'induced',
    ],
    ['two of them', { evidence: { isPageFetch: true, distinctPaths: 2 } }, 'flag', 'induced'],
    ['three of them', { evidence: { isPageFetch: true, distinctPaths: 3 } }, 'limit', 'induced'],
    [
      'a hundred, and a second signal',
      { evidence: { isPageFetch: true, hasSecondSignal: true, distinctPaths: 100 } },
      'limit',
      'induced',
    ],
    ['what may be an image', { evidence: { isImageLike: true } }, 'flag', 'induced'],
    [
      'what may be three images',
      { evidence: { isImageLike: true, distinctPaths: 3 } },
      'limit',
      'induced',
    ],
    [
      'what may be an image, and a second signal',
      { evidence: { isImageLike: true, hasSecondSignal: true } },
      'ban',
      'ban',
    ],
    // A crowd behind one address
    ['four agents that load pages', { client: { agentsThatLoadPages: 4 } }, 'ban', 'ban'],
    ['five', { client: { agentsThatLoadPages: 5 } }, 'limit', 'many-agents'],
    ['three users who are known', { client: users(3, 30, 0) }, 'ban', 'ban'],
    ['four', { client: users(4, 4, 0) }, 'limit', 'known-users'],
    ['four, and a failure in five', { client: users(4, 20, 4) }, 'limit', 'known-users'],
    ['four, and a guesser among them', { client: users(4, 19, 4) }, 'ban', 'ban'],
    ['nobody known, however many succeeded', { client: users(0, 1_000, 0) }, 'ban', 'ban'],
    // Pardons
    ['evidence from before a pardon', { client: { pardonedAtMs: NOW - 500 } }, 'none', 'pardoned'],
    [
      'evidence of the moment of a pardon',
      { client: { pardonedAtMs: NOW - 1_000 } },
      'none',
      'pardoned',
    ],
    [
      'evidence from before a pardon of long ago',
      { finding: { firstSeenMs: NOW - DAY_MS }, client: { pardonedAtMs: NOW - 23 * HOUR_MS } },
      'none',
      'pardoned',
    ],
    [
      'new evidence within an hour of a pardon',
      { client: { pardonedAtMs: NOW - HOUR_MS + 1 } },
      'flag',
      'grace',
    ],
    [
      'new evidence an hour after a pardon',
      { client: { pardonedAtMs: NOW - HOUR_MS } },
      'ban',
      'ban',
    ],
    // Bans
    [
      'a client that is banned',
      { client: { history: [past(MINUTE_MS)] } },
      'flag',
      'banned-already',
    ],
    ['one whose ban is over', { client: { history: [past(HOUR_MS)] } }, 'ban', 'ban'],
    [
      'one that is limited',
      { client: { history: [past(MINUTE_MS, HOUR_MS, 'limit')] } },
      'ban',
      'ban',
    ],
    [
      'one whose ban was pardoned',
      { client: { history: [past(3 * HOUR_MS, DAY_MS)], pardonedAtMs: NOW - 2 * HOUR_MS } },
      'ban',
      'ban',
    ],
    // Several at once: the mildest
    [
      'a crowd that is allowed',
      { client: { agentsThatLoadPages: 9, ...protection('allow-rule') } },
      'flag',
      'protected',
    ],
    [
      'a crowd below a ceiling of flag',
      { client: { agentsThatLoadPages: 9 }, policy: { ceiling: 'flag' } },
      'flag',
      'ceiling',
    ],
    [
      'a crowd below a ceiling of limit',
      { client: { agentsThatLoadPages: 9 }, policy: { ceiling: 'limit' } },
      'limit',
      'many-agents',
    ],
    [
      'a page-fetch of a protected client before its pardon',
      {
        evidence: { isPageFetch: true },
        client: { ...protection('allow-rule'), pardonedAtMs: NOW },
      },
      'none',
      'pardoned',
    ],
  ])('with %s is: %s', (_, given, response, code) => {
    const outcome = plan(given);
    expect([outcome.response, outcome.code]).toEqual([response, code]);
    expect(outcome.plan?.action).toBe(
      response === 'ban' || response === 'limit' ? response : undefined,
    );
  });

  it('is a limit for an hour at most where a page may have made a visitor ask', () => {
    const induced = { evidence: { isPageFetch: true, distinctPaths: 3 } };
    const history = [past(5 * DAY_MS), past(6 * DAY_MS), past(7 * DAY_MS)];
    expect(plan({ ...induced, client: { history } }).plan).toMatchObject({
      action: 'limit',
      lengthMs: HOUR_MS,
    });
    expect(plan({ ...induced, client: { history, agentsThatLoadPages: 9 } }).plan?.lengthMs).toBe(
      HOUR_MS,
    );
    expect(plan({ client: { history, agentsThatLoadPages: 9 } }).plan?.lengthMs).toBe(32 * HOUR_MS);
  });

  it('says to people why', () => {
    const reasons = (given: Case) => plan(given).reason;
    expect(reasons({ client: { history: [past(2 * DAY_MS), past(DAY_MS)] } })).toBe(
      'banned for 16 hours: its ban number 3 within 30 days',
    );
    expect(reasons({ client: { agentsThatLoadPages: 6 } })).toBe(
      'limited for 4 hours: 6 different user agents loaded pages from it within the hour',
    );
    expect(reasons({ client: users(4, 40, 1) })).toBe(
      'limited for 4 hours: 4 users who are known signed in from it, 40 times, with 1 failures',
    );
    expect(reasons({ client: protection('allow-rule') })).toBe(
      'flagged, and no more: it is allowed by the rule 203.0.113.0/24',
    );
    expect(reasons({ policy: { ceiling: 'flag' } })).toBe(
      "flagged, and no more: detection.response is 'flag'",
    );
    expect(reasons({ policy: { level: 'limit' } })).toBe(
      'limited for 4 hours: probe-path may do no more',
    );
    expect(reasons({ client: { pardonedAtMs: NOW } })).toBe(
      'does not count: it was pardoned after this evidence, which does not count any more',
    );
    expect(reasons({ evidence: { isPageFetch: true } })).toBe(
      'flagged, and no more: a browser fetched it for a page, which anybody may have written (1 different path)',
    );
  });

  it('is a finding and no more where the budget is used up, and says what it would have been', () => {
    expect(overBudget(plan())).toEqual({
      response: 'flag',
      code: 'budget',
      reason:
        'flagged, and no more: as many clients have been banned within an hour as may be; else banned for 4 hours: its first ban within 30 days',
      plan: null,
    });
  });
});

const RANK: Record<Outcome['response'], number> = { none: 0, flag: 1, limit: 2, ban: 3 };

/** Every rule by itself, as it stands in the table of the documentation; what follows is the mildest. */
function twin({
  finding,
  client,
  policy,
}: Parameters<typeof planResponse>[0]): Outcome['response'] {
  const { evidence } = finding;
  const rules: Outcome['response'][] = ['ban'];
  if (policy.level === 'off') rules.push('none');
  else rules.push(policy.level);
  rules.push(policy.ceiling as Response);
  if (!/^[\d.]+$|::\/64$/.test(finding.subject)) rules.push('flag');
  if (client.protection || client.crawler === 'verified') rules.push('flag');
  if (client.crawler === 'unknown') rules.push(evidence.isGrave ? 'limit' : 'flag');
  if (evidence.isPageFetch || (evidence.isImageLike && !evidence.hasSecondSignal)) {
    rules.push(evidence.distinctPaths < 3 ? 'flag' : 'limit');
  }
  if (client.agentsThatLoadPages >= 5) rules.push('limit');
  const { knownUsers, successes, failures } = client.users;
  if (knownUsers > 3 && successes / failures >= 5) rules.push('limit');
  if (knownUsers > 3 && failures === 0) rules.push('limit');
  const { pardonedAtMs } = client;
  if (pardonedAtMs !== null) {
    if (finding.firstSeenMs <= pardonedAtMs) rules.push('none');
    if (NOW < pardonedAtMs + HOUR_MS) rules.push('flag');
  }
  for (const { action, startedAtMs, endsAtMs } of client.history) {
    const isOver = endsAtMs <= NOW || (pardonedAtMs !== null && startedAtMs <= pardonedAtMs);
    if (action === 'ban' && startedAtMs <= NOW && !isOver) rules.push('flag');
  }
  return rules.sort((a, b) => RANK[a] - RANK[b])[0]!;
}

it('is the mildest of all rules, whatever they are, and has a plan where something is to be made', () => {
  const often = (value: boolean) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, fc.boolean());
  const ago = fc.constantFrom(0, 1, MINUTE_MS, HOUR_MS - 1, HOUR_MS, DAY_MS);
  const question = fc.record({
    finding: fc.record({
      subject: fc.constantFrom(
        '203.0.113.7',
        '203.0.113.7',
        '2001:db8::/64',
        '203.0.113.0/24',
        'user:1',
      ),
      detector: fc.constantFrom('probe-path', 'burst'),
      score: fc.nat(100),
      firstSeenMs: ago.map((ms) => NOW - ms),
      evidence: fc.record({
        isPageFetch: often(false),
        isImageLike: often(false),
        hasSecondSignal: fc.boolean(),
        distinctPaths: fc.integer({ min: 1, max: 5 }),
        isGrave: fc.boolean(),
      }),
    }),
    client: fc.record({
      protection: fc.oneof(
        { weight: 5, arbitrary: fc.constant(null) },
        fc.constant(protection('loopback').protection),
      ),
      crawler: fc.constantFrom(
        'none' as const,
        'none' as const,
        'refuted' as const,
        'unknown' as const,
        'verified' as const,
      ),
      agentsThatLoadPages: fc.nat(6),
      users: fc.record({ knownUsers: fc.nat(5), successes: fc.nat(20), failures: fc.nat(4) }),
      history: fc.array(
        fc.record({
          action: fc.constantFrom('ban' as const, 'limit' as const),
          startedAtMs: ago.map((ms) => NOW - ms),
          endsAtMs: ago.map((ms) => NOW - ms + MINUTE_MS),
        }),
        { maxLength: 2 },
      ),
      pardonedAtMs: fc.oneof(
        { weight: 3, arbitrary: fc.constant(null) },
        ago.map((ms) => NOW - ms),
      ),
    }),
    policy: fc.record({
      ceiling: fc.constantFrom<Response>('ban', 'ban', 'limit', 'flag'),
      level: fc.constantFrom<ResponseLevel>('ban', 'ban', 'limit', 'flag', 'off'),
    }),
  });
  const seen = new Set<string>();
  fc.assert(
    fc.property(question, (asked) => {
      const outcome = planResponse(asked, NOW, () => 0.5);
      seen.add(outcome.response);
      expect(outcome.response).toBe(twin(asked));
      expect(outcome.reason).not.toMatch(/undefined|null|NaN/);
      expect(outcome.code === 'ban').toBe(outcome.response === 'ban');
      expect(outcome.plan?.action ?? null).toBe(
        RANK[outcome.response] >= RANK.limit ? outcome.response : null,
      );
      const { lengthMs, untilMs, network } = outcome.plan ?? {
        lengthMs: 1,
        untilMs: NOW + 1,
        network: { family: 4, length: 32 },
      };
      expect(lengthMs).toBeGreaterThan(0);
      expect(untilMs).toBe(NOW + lengthMs);
      expect(network.length).toBe(network.family === 4 ? 32 : 64);
      // The same question has the same answer: nothing is remembered.
      expect(planResponse(asked, NOW, () => 0.5)).toEqual(outcome);
    }),
    { numRuns: 5_000 },
  );
  expect(seen).toEqual(new Set(['none', 'flag', 'limit', 'ban']));
});
