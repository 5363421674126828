import { randomBytes } from 'node:crypto';
import { messageOf } from '../ip-tracking.errors.js';
import type { IpAddress } from '../net/ip-address.js';
import type { AddressPrivacy } from '../privacy/address-privacy.js';
import type { RequestWatch } from '../request-log/capture/request-logger.js';
import type { LogRecord } from '../request-log/record/request-record.js';
import type { ClaimedFindings } from './crawlers/claimed-findings.js';
import { isLogDetector } from './detector-rule.js';
import type { Detector, LogDetector } from './detector.js';
import { findingOf, type Finding } from './finding.js';
import type { FindingResponse, FindingStore } from './finding-response.js';
import type { Exemption, SavedFindings } from './suspicious-ip.repository.js';
import { WaitingFindings } from './waiting-findings.js';
import { Watch, type WatchFound, type WatchStats } from './watch/watch.js';

/** More who claim to be crawlers at once are stored as they are: DNS is not to be flooded. */
const MAX_CHECKING = 1_000;

/** What a {@link WatchRecorder} is made with. */
export interface WatchRecorderParts {
  detectors: readonly (Detector | LogDetector)[];
  maxBytes: number;
  addresses: Pick<AddressPrivacy, 'stored'>;
  /** Whether user agents are kept. */
  keepsAgents: boolean;
  save(findings: readonly Finding[]): Promise<SavedFindings>;
  /** What follows from findings. @default nothing */
  response?: Pick<FindingResponse, 'serve' | 'ended' | 'found'> | null;
  /** Asks who claims to be a crawler; null where nobody is asked. */
  claims: Pick<ClaimedFindings, 'isClaimed' | 'check'> | null;
  /** Milliseconds of the epoch. */
  now(): number;
  /** Calls back once, after so many milliseconds, and does not keep the process alive for it. */
  after(ms: number, call: () => void): () => void;
  warn(message: string): void;
}

/** What the watch of this process tells of itself. */
export interface WatchStatus extends WatchStats {
  /** Findings that are not stored yet. */
  waiting: number;
  /** Findings that were dropped, because the database took none for too long. */
  dropped: number;
  /** Findings about whom there is a reason not to keep any, by that reason. */
  exempted: Partial<Record<Exemption, number>>;
}

/** Shows the watch what is logged, as it would be stored, and stores what it finds. */
export class WatchRecorder implements RequestWatch, FindingStore {
  private readonly watch: Watch;
  private readonly waiting: WaitingFindings;
  private hasFailed = false;
  /** Findings whose client may be a crawler. */
  private readonly checking = new Set<Promise<void>>();
  private verified = 0;

  constructor(private readonly parts: WatchRecorderParts) {
    const secret = randomBytes(8);
    this.watch = new Watch({
      detectors: parts.detectors.filter(
        (detector): detector is Detector => !isLogDetector(detector),
      ),
      maxBytes: parts.maxBytes,
      seed: [secret.readInt32LE(0), secret.readInt32LE(4)],
      onFound: (found) => this.found(found),
    });
    this.waiting = new WaitingFindings(parts);
    parts.response?.serve(this);
  }

  get status(): WatchStatus {
    const { size, dropped, exempted } = this.waiting;
    const crawlers = this.verified === 0 ? {} : { 'verified crawler': this.verified };
    return {
      ...this.watch.stats,
      waiting: size + this.checking.size,
      dropped,
      exempted: { ...exempted, ...crawlers },
    };
  }

  /** Sees what has ended. What a block, a ban or a limit rule has refused never counts, or a ban would renew itself. */
  ended(record: LogRecord): void {
    if (record.reason === 'rule') return;
    try {
      this.parts.response?.ended(record);
      this.watch.see({
        endedAtUs: Math.trunc(record.timestampMs) * 1_000 + record.durationUs,
        client: this.parts.addresses.stored(record.ip, record.timestampMs),
        address: record.ip,
        userId: record.userId,
        attemptedUser: record.attemptedUser,
        route: record.route,
        path: withoutQuery(record.path),
        method: record.method,
        userAgent: this.parts.keepsAgents ? record.userAgent : null,
        outcome: record.outcome,
        status: record.status,
        sensitive: record.sensitive,
        signals: record.signals,
      });
    } catch (error) {
      this.tell(error);
    }
  }

  storeSoon(finding: Finding): void {
    this.waiting.add(finding, true);
  }

  /** Forgets clients that were erased, or pardoned. */
  forget(clients: readonly IpAddress[]): void {
    for (const client of clients) this.watch.forget(client);
    this.waiting.forget(clients);
  }

  /** Stores what has been found so far. Never rejects. */
  async flush(): Promise<void> {
    this.watch.advance(this.parts.now() * 1_000);
    await Promise.all(this.checking);
    await this.waiting.flush(true);
  }

  /** Stores the last findings, and no more of them. */
  async close(): Promise<void> {
    await this.flush();
    this.waiting.stop();
  }

  private found(fresh: WatchFound): void {
    const { detector, subject, found, address, userAgent } = fresh;
    // What is shown of an agent may be cut before it says whom it claims to be.
    const agents = userAgent === null ? found.agents : [userAgent, ...found.agents];
    const seen = { address: address?.toString() ?? null, agents };
    const finding = findingOf(detector, subject, found, seen);
    const { claims, response } = this.parts;
    const urgent = response?.found({ finding, detector, found, address, userAgent }) ?? null;
    const isAsked = claims?.isClaimed(finding) === true && this.checking.size < MAX_CHECKING;
    if (claims === null || !isAsked) this.waiting.add(urgent ?? finding, urgent !== null);
    else this.check(claims, finding);
  }

  /** Only what is about this client waits for DNS. */
  private check(claims: Pick<ClaimedFindings, 'check'>, finding: Finding): void {
    const checking = this.checked(claims, finding).finally(() => this.checking.delete(checking));
    this.checking.add(checking);
  }

  private async checked(claims: Pick<ClaimedFindings, 'check'>, finding: Finding): Promise<void> {
    const { findings, verified } = await claims.check([finding]);
    this.verified += verified;
    for (const one of findings) this.waiting.add(one);
  }

  /** No request may be lost to its watching; it is said once. */
  private tell(error: unknown): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.parts.warn(`the watch has failed and counts on without this request: ${messageOf(error)}`);
  }
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}
