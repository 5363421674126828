import type { Finding } from '../detection/finding.js';
import type { ClientUnderJudgement } from './client-under-judgement.js';
import type { Certainty } from './judgement.js';

/** Detectors that tell how much or how fast somebody asked, or how badly, and not what for. */
const SAY_LITTLE: Readonly<Record<string, string>> = {
  burst: 'it was fast, and asked for nothing that speaks against it',
  malformed: 'it spoke no HTTP, and asked for nothing: surveys of the internet do that',
  'login-only': 'it may be a program of a user who had mistyped',
  'not-found': 'it asked for what is not there, and for nothing that attackers look for',
};
/** From this weight on one finding alone is enough. */
const ENOUGH = 40;
/** Less than this is a hint. */
const LITTLE = 20;

/** Codes of a milder response that say that a finding may be about the wrong one. */
const DOUBTFUL: ReadonlySet<string> = new Set([
  'unverified-crawler',
  'many-agents',
  'induced',
  'protected',
]);

/** Why a finding about a client may be wrong, for people. */
export function doubtsOf(client: ClientUnderJudgement): string[] {
  const findings = [...client.findings.values()];
  const doubts: string[] = [];
  for (const [code, { reason }] of client.milder) {
    if (DOUBTFUL.has(code)) doubts.push(reason.replace(/^[^:]*: /, ''));
  }
  // Two weak signs are not a strong one.
  if (findings.every(({ weight }) => weight < ENOUGH)) {
    for (const { detector, weight } of findings) {
      const little = SAY_LITTLE[detector];
      if (little !== undefined) doubts.push(little);
      else if (weight < LITTLE) doubts.push('it asked for scripts, to which old links may lead');
    }
  }
  if (client.isLikeBrowser)
    doubts.push('it also loaded pages with what belongs to them, as browsers do');
  return doubts;
}

/** How sure it is that who has these findings, and gives rise to these doubts, is hostile. */
export function certaintyOf(findings: readonly Finding[], doubts: readonly string[]): Certainty {
  if (doubts.length > 0) return 'doubtful';
  return findings.some(({ weight }) => weight >= ENOUGH) ? 'sure' : 'likely';
}
