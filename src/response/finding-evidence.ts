import type { RuleFound } from '../detection/detector.js';
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

/** What of a finding a response depends on. */
export function evidenceOf({
  signals,
  commonSignals,
  paths,
}: Pick<RuleFound, 'signals' | 'commonSignals' | 'paths'>): FindingEvidence {
  return {
    isPageFetch: commonSignals.includes('page-fetch'),
    isImageLike: commonSignals.includes('image-like'),
    hasSecondSignal: signals.some((name) => NOT_INDUCED.has(name)),
    distinctPaths: paths.length,
    isGrave: signals.some((name) => GRAVE.test(name)),
  };
}
