import type { Detector, RuleFound } from '../detection/detector.js';
import type { FindingEvidence } from '../detection/response-finding.js';

/** What no crawler asks for. */
const GRAVE = /^(?:probe:secrets|payload:.*|open-proxy)$/;
/** What a page cannot make its readers' browsers send beside the path it names, however often it names one. */
const NOT_INDUCED: ReadonlySet<string> = new Set([
  'probe:tools',
  'open-proxy',
  'malformed',
  'auth-failure',
]);

/** What {@link evidenceOf} reads of what was found. */
export type FoundEvidence = Pick<
  RuleFound,
  'rule' | 'count' | 'signals' | 'commonSignals' | 'paths'
>;

/** What of a finding a response depends on. */
export function evidenceOf(
  { rules }: Pick<Detector, 'rules'>,
  { rule, count, signals, commonSignals, paths }: FoundEvidence,
): FindingEvidence {
  // Some of the paths are known, and of a rule that counts them their number.
  const counted = rules[rule]?.distinct === 'path' ? count : 0;
  return {
    isPageFetch: commonSignals.includes('page-fetch'),
    isImageLike: commonSignals.includes('image-like'),
    hasSecondSignal: signals.some((name) => NOT_INDUCED.has(name)),
    distinctPaths: Math.max(paths.length, counted),
    isGrave: signals.some((name) => GRAVE.test(name)),
  };
}
