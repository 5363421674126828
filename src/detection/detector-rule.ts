import type { RequestOutcome } from '../signals/request-facts.js';
import { bitsOf } from '../signals/signal.js';
import type {
  Detector,
  DetectorResponse,
  DetectorRule,
  LogDetector,
  RuleFound,
} from './detector.js';

const US = 1_000;

/** A rule with its masks, as the watch and the compiler of the scan read it. */
export interface CompiledRule {
  readonly detector: Detector;
  /** Which of its detector's rules it is. */
  readonly index: number;
  readonly rule: DetectorRule;
  /** Null where any request will do. */
  readonly any: number | null;
  readonly none: number;
  readonly without: number;
  readonly windowUs: number;
  readonly withinUs: number;
}

/** What {@link matches} reads of a request. */
export interface Matchable {
  readonly signals: number | null;
  readonly outcome: RequestOutcome;
  readonly status: number;
  readonly sensitive: boolean;
}

/** All rules of some detectors, in their order. */
export function compileRules(detectors: readonly Detector[]): CompiledRule[] {
  return detectors.flatMap((detector) =>
    detector.rules.map((rule, index) => ({
      detector,
      index,
      rule,
      any: rule.counts.any === undefined ? null : bitsOf(rule.counts.any),
      none: bitsOf(rule.counts.none ?? []),
      without: bitsOf(rule.without?.any ?? []),
      windowUs: rule.windowMs * US,
      withinUs: (rule.without?.withinMs ?? 0) * US,
    })),
  );
}

/** Whether a request counts for a rule. */
export function matches({ any, none, rule }: CompiledRule, request: Matchable): boolean {
  const { signals } = request;
  if (any !== null && (signals === null || (signals & any) === 0)) return false;
  const { counts } = rule;
  if (counts.none !== undefined && (signals === null || (signals & none) !== 0)) return false;
  if (counts.outcomes !== undefined && !counts.outcomes.includes(request.outcome)) return false;
  if (counts.statuses !== undefined && !counts.statuses.includes(request.status)) return false;
  return counts.isSensitive === undefined || counts.isSensitive === request.sensitive;
}

/** Whether a detector reads the log by a query of its own. */
export function isLogDetector(detector: Detector | LogDetector): detector is LogDetector {
  return 'query' in detector;
}

/** The most that may follow from a finding, by its detector and by the rule that found it. */
export function responseTo(
  detector: Detector,
  { rule: index }: Pick<RuleFound, 'rule'>,
): DetectorResponse {
  const { response = 'flag' } = detector;
  const rule = detector.rules[index];
  if (response === 'off' || rule === undefined) return response;
  return milderOf(response, rule.response ?? response);
}

const MILDEST_FIRST: readonly DetectorResponse[] = ['off', 'flag', 'limit', 'ban'];

function milderOf(one: DetectorResponse, other: DetectorResponse): DetectorResponse {
  return MILDEST_FIRST.indexOf(one) <= MILDEST_FIRST.indexOf(other) ? one : other;
}
