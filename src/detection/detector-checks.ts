import { isSignalName } from '../signals/signal.js';
import { checkObject, invalid, oneOf, wholeNumber, type Check } from '../options/checks.js';
import type { Detector, DetectorRule, LogDetector, Match, Suspects, Without } from './detector.js';
import { BUILT_IN } from './detectors/built-in.js';

const DAY_MS = 86_400_000;
const NAME = /^[a-z][a-z0-9-]{0,62}$/;

const method: Check = (path, value) => {
  if (typeof value !== 'function') invalid(path, value, 'give a function');
};

const ofWhom = oneOf('client', 'user', 'route');
const weight = wholeNumber(0, 100);
const response = oneOf('off', 'flag', 'limit', 'ban');

const name: Check = (path, value) => {
  if (typeof value !== 'string' || !NAME.test(value)) {
    invalid(path, value, 'give lower case letters, digits and hyphens, such as "card-testing"');
  }
  if (Object.hasOwn(BUILT_IN, value)) {
    invalid(path, value, 'give a name that no built-in detector has');
  }
};

const signals: Check = (path, value) => {
  if (!Array.isArray(value) || value.length === 0) {
    invalid(path, value, "give a list of signals, such as ['unmatched']");
  }
  for (const [index, signal] of (value as unknown[]).entries()) {
    if (!isSignalName(signal)) invalid(`${path}[${index}]`, signal, 'give the name of a signal');
  }
};

const list =
  (check: Check): Check =>
  (path, value) => {
    if (!Array.isArray(value) || value.length === 0) invalid(path, value, 'give a list');
    for (const [index, entry] of (value as unknown[]).entries()) check(`${path}[${index}]`, entry);
  };

const boolean: Check = (path, value) => {
  if (typeof value !== 'boolean') invalid(path, value, 'give true or false');
};

const MATCH: Record<keyof Match, Check> = {
  any: signals,
  none: signals,
  outcomes: list(
    oneOf('blocked', 'throttled', 'unmatched', 'refused', 'aborted', 'failed', 'served'),
  ),
  statuses: list(wholeNumber(0, 999)),
  isSensitive: boolean,
};

const WITHOUT: Record<keyof Without, Check> = {
  any: signals,
  of: oneOf('user', 'subject'),
  withinMs: wholeNumber(1, DAY_MS),
};

const RULE: Record<keyof DetectorRule, Check> = {
  counts: (path, value) => checkObject(path, value, MATCH),
  atLeast: wholeNumber(1, 10_000),
  distinct: oneOf('path', 'user', 'client'),
  windowMs: wholeNumber(1, DAY_MS),
  without: (path, value) => checkObject(path, value, WITHOUT),
  unlessMissedBy: wholeNumber(1, 1_000),
  weight,
  response,
};

const DETECTOR: Record<keyof Detector, Check> = {
  name,
  of: ofWhom,
  rules: list(checkRule),
  weight,
  response,
  firstBanMs: wholeNumber(1_000, 7 * DAY_MS),
  runs: oneOf('both', 'watch', 'scan'),
  words: method,
};

const SUSPECTS: Record<keyof Suspects, Check> = {
  counts: (path, value) => checkObject(path, value, MATCH),
  atLeast: wholeNumber(1),
  by: oneOf('begin', 'end'),
  requests: (path, value) => checkObject(path, value, MATCH),
  beforeMs: wholeNumber(0, DAY_MS),
};

const LOG_DETECTOR: Record<keyof LogDetector, Check> = {
  name,
  of: ofWhom,
  weight,
  response,
  firstBanMs: wholeNumber(1_000, 7 * DAY_MS),
  suspects: (path, value) => {
    checkObject(path, value, SUSPECTS);
    needs(path, value as object, REQUIRED.suspects);
  },
  evidence: signals,
  query: method,
  judge: method,
};

const REQUIRED = {
  rule: ['counts', 'atLeast', 'windowMs'],
  detector: ['name', 'of', 'rules', 'weight', 'words'],
  suspects: ['counts', 'atLeast'],
  log: ['name', 'of', 'weight', 'query', 'judge'],
};

/** A host's own detectors. */
export const checkDetectors: Check = (path, value) => {
  if (!Array.isArray(value)) invalid(path, value, 'give a list of detectors');
  const names = new Set<unknown>();
  for (const [index, entry] of (value as unknown[]).entries()) {
    const where = `${path}[${index}]`;
    if (typeof entry !== 'object' || entry === null) invalid(where, entry, 'give a detector');
    const isLog = 'query' in entry;
    checkObject(where, entry, isLog ? LOG_DETECTOR : DETECTOR);
    needs(where, entry, isLog ? REQUIRED.log : REQUIRED.detector);
    const given = (entry as Detector).name;
    if (names.has(given)) invalid(`${where}.name`, given, 'give each detector a name of its own');
    names.add(given);
  }
};

function checkRule(path: string, value: unknown): void {
  checkObject(path, value, RULE);
  needs(path, value as object, REQUIRED.rule);
  const { without, unlessMissedBy, distinct } = value as DetectorRule;
  if (without !== undefined) {
    for (const key of ['any', 'of', 'withinMs'] as const) {
      if (without[key] === undefined) invalid(`${path}.without.${key}`, undefined, 'give it');
    }
    if (unlessMissedBy !== undefined) {
      invalid(`${path}.unlessMissedBy`, unlessMissedBy, 'leave it out where there is "without"');
    }
  }
  if (unlessMissedBy !== undefined && distinct !== 'path') {
    invalid(`${path}.unlessMissedBy`, unlessMissedBy, "give it where distinct is 'path'");
  }
}

function needs(path: string, given: object, keys: readonly string[]): void {
  for (const key of keys) {
    if ((given as Record<string, unknown>)[key] === undefined) {
      invalid(`${path}.${key}`, undefined, 'it is needed');
    }
  }
}
