import { namesOf } from '../../signals/signal.js';
import type { RuleFound } from '../detector.js';
import type { Sample } from './samples.js';

/** What a rule has found, at times in microseconds of the epoch. */
export function foundOf(
  rule: number,
  count: number,
  firstUs: number,
  lastUs: number,
  { signals, commonSignals, paths, agents, methods, clients }: Sample,
): RuleFound {
  return {
    rule,
    count,
    firstSeen: new Date(firstUs / 1_000),
    lastSeen: new Date(lastUs / 1_000),
    signals: namesOf(signals),
    commonSignals: namesOf(commonSignals),
    paths: [...paths],
    agents: [...agents],
    methods: [...methods],
    clients: [...clients],
  };
}
