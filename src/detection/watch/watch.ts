import { KeyedHash } from '../../limits/store/memory/keyed-hash.js';
import { clientText } from '../../net/client-key.js';
import type { IpAddress } from '../../net/ip-address.js';
import { trackerKey } from '../../net/tracker-key.js';
import { compileRules, matches, type CompiledRule } from '../detector-rule.js';
import type { Detector, RuleFound, SubjectKind } from '../detector.js';
import { Counters, type CounterKind } from './counters.js';
import { OnwardClock } from './onward-clock.js';
import { foundOf } from './rule-found.js';
import { Samples, type Sample } from './samples.js';
import { UndecidedRequests } from './undecided.js';
import type { WatchEvent } from './watch-event.js';
import { clientOf, subjectOf, subjectTextOf, userOf } from './watch-subject.js';

/** A watch counts a little further than a rule asks for, so that people see by how much it was more. */
const LEAST_MOST = 16;
/** Of who goes on, and shows nothing new by it, something is heard so much later, in microseconds. */
const AGAIN_US = 1_000_000;
/** Of so many at once, so that no request has to wait for thousands. */
const AGAIN_AT_ONCE = 8;

/** What the watch has found, at the moment at which it has. */
export interface WatchFound {
  readonly detector: Detector;
  readonly kind: SubjectKind;
  /** An address, or the network of an IPv6 client; a user's id; a route's pattern. */
  readonly subject: string;
  /** The client of the request that was the last straw, as it came; null where that has passed. */
  readonly address: IpAddress | null;
  /** The user agent of that request as a whole, which `found` may have cut: who it claims to be. */
  readonly userAgent: string | null;
  readonly found: RuleFound;
}

/** What a {@link Watch} is made with. */
export interface WatchOptions {
  readonly detectors: readonly Detector[];
  /** What all counters may take, in bytes. */
  readonly maxBytes: number;
  /** Secret numbers of 32 bits, so that nobody can make two clients or paths pass for one. */
  readonly seed: readonly [number, number];
  /**
   * Called when a request has brought a count to its threshold; for what keeps it there, at once where it shows anything
   * new, and else once a second of event time.
   */
  readonly onFound: (found: WatchFound) => void;
}

/** What a watch tells of itself. */
export interface WatchStats {
  readonly counters: number;
  readonly bytes: number;
  /** Counters that were given up for others before their time. */
  readonly evicted: number;
  /** Requests that there was no room to count. */
  readonly uncounted: number;
  /** Requests that were given up while they waited for a decision. */
  readonly undecidedDropped: number;
}

/** A count that stays at its threshold. */
interface GoingOn {
  readonly state: RuleState;
  readonly sample: Sample;
  /** When it is told, in microseconds of event time. */
  readonly dueUs: number;
  event: WatchEvent;
  address: IpAddress | null;
  count: number;
  firstUs: number;
  atUs: number;
}

/** What one rule keeps. */
interface RuleState {
  readonly compiled: CompiledRule;
  /** The kind of its counters, and of those of its paths; -1 where those are not counted. */
  readonly kind: number;
  readonly pathKind: number;
  readonly undecided: UndecidedRequests<WatchEvent> | null;
}

/**
 * Runs detectors as requests end, in memory. Pure: events come in, findings go out, and time is what the events and
 * {@link advance} say, so that a log's own clock will do. Events come in the order of their ends.
 */
export class Watch {
  private readonly rules: RuleState[];
  private readonly counters: Counters;
  private readonly samples = new Samples();
  private readonly clock = new OnwardClock(1_000);
  private readonly hash: KeyedHash;
  private readonly text: KeyedHash;
  /** What has gone on since it was told last, the longest first. */
  private readonly goingOn = new Map<Sample, GoingOn>();

  constructor(private readonly options: WatchOptions) {
    const [key0, key1] = options.seed;
    this.hash = new KeyedHash(key0, key1);
    this.text = new KeyedHash(key1, key0);
    const kinds: CounterKind[] = [];
    const kindOf = (windowUs: number, atLeast: number, lateUs: number): number =>
      kinds.push({ windowUs, lateUs, atLeast, most: Math.max(LEAST_MOST, 2 * atLeast) }) - 1;
    let random = key0 ^ key1;
    const draw = (): number => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
      return (random >>> 0) / 2 ** 32;
    };
    this.rules = compileRules(options.detectors.filter(({ runs }) => runs !== 'scan')).map(
      (compiled) => {
        const { rule, windowUs, withinUs } = compiled;
        const { unlessMissedBy, without } = rule;
        return {
          compiled,
          kind: kindOf(windowUs, rule.atLeast, withinUs),
          pathKind:
            unlessMissedBy === undefined ? -1 : kindOf(windowUs, unlessMissedBy + 1, withinUs),
          undecided:
            without === undefined ? null : new UndecidedRequests(withinUs, without.of, draw),
        };
      },
    );
    this.counters = new Counters(kinds, options.maxBytes, draw() * 2 ** 32);
  }

  get stats(): WatchStats {
    const { size, bytes, evicted, uncounted } = this.counters;
    const undecidedDropped = this.rules.reduce(
      (sum, { undecided }) => sum + (undecided?.dropped ?? 0),
      0,
    );
    return { counters: size, bytes, evicted, uncounted, undecidedDropped };
  }

  /** Sees a request that has ended. What a stored rule has blocked must not come here. */
  see(event: WatchEvent): void {
    const atUs = this.clock.at(event.endedAtUs);
    this.decide(atUs);
    this.tellWhatGoesOn(atUs, AGAIN_AT_ONCE);
    this.counters.sweep(atUs);
    for (const state of this.rules) this.apply(state, event, atUs);
  }

  /** Lets time pass, in microseconds of the epoch: what waited for it is decided. */
  advance(nowUs: number): void {
    const atUs = this.clock.at(nowUs);
    this.decide(atUs);
    this.tellWhatGoesOn(atUs, Number.POSITIVE_INFINITY);
  }

  private decide(nowUs: number): void {
    for (const state of this.rules) {
      state.undecided?.decide(nowUs, ({ what, atUs }) => this.count(state, what, atUs, null));
    }
  }

  /** Forgets all that is counted of a client, by its address as events have it. */
  forget(client: IpAddress): void {
    const subject = trackerKey(client);
    this.hash.digest(clientText(client));
    for (const state of this.rules) {
      if (state.compiled.detector.of !== 'client') continue;
      const { low, high } = this.keyOf(state.kind);
      this.counters.forget(low, high);
      const sample = this.samples.forget(sampleKey(low, high));
      if (sample !== undefined) this.goingOn.delete(sample);
      state.undecided?.forget(subject);
    }
  }

  private apply(state: RuleState, event: WatchEvent, atUs: number): void {
    const { compiled, undecided } = state;
    const isTakingBack = ((event.signals ?? 0) & compiled.without) !== 0;
    if (undecided !== null && isTakingBack) {
      const subject = subjectOf(compiled.detector.of, event);
      if (subject !== null) undecided.takeBack(subject, userOf(event), atUs);
    }
    if (!matches(compiled, event)) return;
    if (undecided === null) {
      this.count(state, event, atUs, event.address);
      return;
    }
    const subject = subjectOf(compiled.detector.of, event);
    if (subject !== null) undecided.add(subject, userOf(event), atUs, event);
  }

  private count(
    state: RuleState,
    event: WatchEvent,
    atUs: number,
    address: IpAddress | null,
  ): void {
    const { compiled, kind } = state;
    const { rule, detector } = compiled;
    const name = subjectTextOf(detector.of, event);
    if (name === null || this.isBrokenLink(state, event, atUs)) return;
    const value = this.valueOf(rule.distinct, event);
    if (value === undefined) return;
    this.hash.digest(name);
    const { low, high } = this.keyOf(kind);
    const count = this.counters.count(kind, low, high, atUs, value);
    if (count * 2 < rule.atLeast) return;
    const { firstUs } = this.counters;
    const ofOthers = detector.of !== 'client' && event.client !== null;
    const client = ofOthers ? trackerKey(event.client) : null;
    const sample = this.samples.add(sampleKey(low, high), event, client);
    if (count < rule.atLeast) return;
    const waiting = this.goingOn.get(sample);
    if (sample.hasNews || (waiting === undefined && atUs - sample.toldUs >= AGAIN_US)) {
      this.goingOn.delete(sample);
      this.tell({ state, sample, dueUs: atUs, event, address, count, firstUs, atUs });
    } else if (waiting === undefined) {
      const dueUs = atUs + AGAIN_US;
      this.goingOn.set(sample, { state, sample, dueUs, event, address, count, firstUs, atUs });
    } else {
      waiting.event = event;
      waiting.address = address;
      waiting.count = count;
      waiting.firstUs = firstUs;
      waiting.atUs = atUs;
    }
  }

  private tellWhatGoesOn(nowUs: number, most: number): void {
    let told = 0;
    for (const [sample, goingOn] of this.goingOn) {
      if (goingOn.dueUs > nowUs || told === most) return;
      told += 1;
      this.goingOn.delete(sample);
      this.tell(goingOn);
    }
  }

  private tell({ state, sample, event, address, count, firstUs, atUs }: GoingOn): void {
    const { detector, index } = state.compiled;
    sample.hasNews = false;
    sample.toldUs = atUs;
    this.options.onFound({
      detector,
      kind: detector.of,
      subject: subjectOf(detector.of, event)!,
      address,
      userAgent: event.userAgent,
      found: foundOf(index, count, firstUs - this.clock.ahead, atUs - this.clock.ahead, sample),
    });
  }

  /** Notes who asked for a path, and tells whether so many others have within the window. */
  private isBrokenLink(state: RuleState, event: WatchEvent, atUs: number): boolean {
    if (state.pathKind < 0 || event.client === null) return false;
    const value = this.valueOf('client', event)!;
    this.hash.digest(event.path);
    const { low, high } = this.keyOf(state.pathKind);
    const clients = this.counters.count(state.pathKind, low, high, atUs, value);
    return clients > state.compiled.rule.unlessMissedBy!;
  }

  /** What tells requests apart; null where each counts, and undefined where this one does not. */
  private valueOf(
    distinct: CompiledRule['rule']['distinct'],
    event: WatchEvent,
  ): number | null | undefined {
    if (distinct === undefined) return null;
    const text =
      distinct === 'path' ? event.path : distinct === 'user' ? userOf(event) : clientOf(event);
    if (text === null) return undefined;
    this.text.digest(text);
    return this.text.low >>> 0;
  }

  /** The key of the text that was digested last, among counters of a kind. */
  private keyOf(kind: number): { low: number; high: number } {
    const salt = Math.imul(kind + 1, 0x9e3779b1);
    return { low: (this.hash.low ^ salt) >>> 0, high: (this.hash.high ^ (salt >>> 7)) >>> 0 };
  }
}

/** A key as one number: 53 bits of it are enough to tell some thousand apart. */
function sampleKey(low: number, high: number): number {
  return low * 2 ** 21 + (high >>> 11);
}
