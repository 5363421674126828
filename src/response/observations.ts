import { OnwardClock } from '../detection/watch/onward-clock.js';
import { KeyedHash } from '../limits/store/memory/keyed-hash.js';
import { clientText } from '../net/client-key.js';
import { IpAddress } from '../net/ip-address.js';
import type { Prefix } from '../net/prefix.js';
import { trackerKey } from '../net/tracker-key.js';
import type { LogRecord } from '../request-log/record/request-record.js';
import { bitsOf } from '../signals/signal.js';
import { ClientEstimate } from './client-estimate.js';
import type { UserFacts } from './client-facts.js';
import type { KnownUsers } from './known-users.js';
import { LikelyProxies } from './likely-proxies.js';
import { PageCrowds } from './page-crowds.js';
import { SignIns } from './sign-ins.js';

const ASSET = bitsOf(['asset']);
const NEITHER_GOOD = bitsOf(['unmatched', 'malformed']);
const SUCCESS = bitsOf(['auth-success']);
const FAILURE = bitsOf(['auth-failure']);

/** User agents whose hashes are remembered. */
const MAX_AGENTS = 1_000;

/** What {@link Observations} are made with. */
export interface ObservationsParts {
  readonly users: KnownUsers;
  /** Whether an address may be a proxy's, and says for whom it asks. */
  isForwarder(ip: IpAddress): boolean;
  /** Secret numbers of 32 bits. */
  readonly seed: readonly [number, number];
}

/** What requests show of clients beside what speaks against them; in as much memory as it takes, whoever comes. */
export class Observations {
  private readonly clients = new ClientEstimate();
  private readonly crowds = new PageCrowds();
  private readonly signIns: SignIns;
  private readonly proxies = new LikelyProxies();
  private readonly hash: KeyedHash;
  private readonly clock = new OnwardClock(1);
  private readonly agents = new Map<string, number>();

  constructor(private readonly parts: ObservationsParts) {
    this.hash = new KeyedHash(...parts.seed);
    this.signIns = new SignIns((user) => {
      const firstMs = parts.users.firstSeenOf(user);
      return firstMs === null ? null : firstMs + this.clock.ahead;
    });
  }

  /** A request has ended. */
  ended(record: LogRecord): void {
    const { ip, signals, status, userAgent } = record;
    if (ip === null) return;
    const atMs = this.clock.at(record.timestampMs + record.durationUs / 1_000);
    const bits = signals ?? 0;
    const { hash } = this;
    hash.digest(clientText(ip));
    const { low, high } = hash;
    this.clients.note(low, high, atMs);
    this.proxies.note(this.parts.isForwarder(ip) ? trackerKey(ip) : null, atMs);
    if (status >= 200 && status <= 304 && (bits & NEITHER_GOOD) === 0 && userAgent !== null) {
      const agent = this.agentOf(userAgent);
      this.crowds.note({ low, high, agent }, (bits & ASSET) !== 0, atMs);
    }
    if ((bits & (SUCCESS | FAILURE)) !== 0) this.signedIn(trackerKey(ip), record, bits, atMs);
  }

  /** How many clients there were within the last hour, more or less. */
  clientsInLastHour(nowMs: number): number {
    return this.clients.count(this.clock.at(nowMs));
  }

  agentsThatLoadPages(client: Prefix, nowMs: number): number {
    const atMs = this.clock.at(nowMs);
    this.hash.digest(clientText(addressOf(client)));
    return this.crowds.of(this.hash.low, this.hash.high, atMs);
  }

  usersOf(client: Prefix, nowMs: number): UserFacts {
    return this.signIns.of(trackerKey(addressOf(client)), this.clock.at(nowMs));
  }

  isLikelyProxy(client: Prefix): boolean {
    return this.proxies.has(trackerKey(addressOf(client)));
  }

  forget(ip: IpAddress): void {
    this.signIns.forget(trackerKey(ip));
  }

  /** To hash a browser's name takes longer than all the rest, and a few are nearly all that come. */
  private agentOf(userAgent: string): number {
    const known = this.agents.get(userAgent);
    if (known !== undefined) return known;
    this.hash.digest(userAgent);
    if (this.agents.size >= MAX_AGENTS) this.agents.clear();
    this.agents.set(userAgent, this.hash.low);
    return this.hash.low;
  }

  private signedIn(client: string, { attemptedUser }: LogRecord, bits: number, atMs: number): void {
    if ((bits & FAILURE) !== 0) this.signIns.note(client, null, atMs);
    else if (attemptedUser !== null) {
      this.parts.users.note(attemptedUser);
      this.signIns.note(client, attemptedUser, atMs);
    }
  }
}

/** The first address of a client's network. */
export function addressOf({ family, w0, w1, w2, w3 }: Prefix): IpAddress {
  return family === 4 ? IpAddress.fromV4(w0) : IpAddress.fromV6(w0, w1, w2, w3);
}
