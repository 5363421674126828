import { ownCopy } from '../../signals/own-copy.js';
import type { WatchEvent } from './watch-event.js';

/** Counters of which examples are kept at once; the oldest go first. */
const MAX_KEPT = 4_096;
const MAX_LENGTH = 120;
const MAX_PATHS = 10;
const MAX_AGENTS = 5;
const MAX_METHODS = 5;
const MAX_CLIENTS = 100;

/** What is kept of the requests that a counter has counted, for people. */
export interface Sample {
  signals: number;
  commonSignals: number;
  readonly paths: string[];
  readonly agents: string[];
  readonly methods: string[];
  readonly clients: string[];
  /** What has been said of it last, in event time; before anything was, the beginning of time. */
  toldUs: number;
  /** Something else than counts and times has changed since. */
  hasNews: boolean;
}

/** Examples of what has been counted, for the few subjects that come near to a finding. */
export class Samples {
  private readonly kept = new Map<number, Sample>();

  /** Adds a request to the examples of a counter. */
  add(key: number, event: WatchEvent, client: string | null): Sample {
    let sample = this.kept.get(key);
    if (sample === undefined) {
      if (this.kept.size >= MAX_KEPT) this.forgetOldest();
      sample = {
        signals: 0,
        commonSignals: event.signals ?? 0,
        paths: [],
        agents: [],
        methods: [],
        clients: [],
        toldUs: Number.NEGATIVE_INFINITY,
        hasNews: true,
      };
      this.kept.set(key, sample);
    }
    const signals = sample.signals | (event.signals ?? 0);
    const commonSignals = sample.commonSignals & (event.signals ?? 0);
    let hasNews = signals !== sample.signals || commonSignals !== sample.commonSignals;
    sample.signals = signals;
    sample.commonSignals = commonSignals;
    hasNews = note(sample.paths, event.path, MAX_PATHS) || hasNews;
    hasNews = note(sample.agents, event.userAgent, MAX_AGENTS) || hasNews;
    hasNews = note(sample.methods, event.method, MAX_METHODS) || hasNews;
    hasNews = note(sample.clients, client, MAX_CLIENTS) || hasNews;
    if (hasNews) sample.hasNews = true;
    return sample;
  }

  /** @returns what was forgotten. */
  forget(key: number): Sample | undefined {
    const sample = this.kept.get(key);
    this.kept.delete(key);
    return sample;
  }

  private forgetOldest(): void {
    for (const key of this.kept.keys()) {
      this.kept.delete(key);
      return;
    }
  }
}

/** @returns whether it was not there. */
function note(list: string[], text: string | null, most: number): boolean {
  if (text === null || list.length >= most) return false;
  const short = text.length > MAX_LENGTH ? text.slice(0, MAX_LENGTH) : text;
  // What is cut from a longer text would keep all of it alive.
  if (list.includes(short)) return false;
  list.push(ownCopy(short));
  return true;
}
