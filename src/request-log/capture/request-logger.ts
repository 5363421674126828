import type { Ending } from '../../edge/ending.js';
import type { ListedPaths } from '../../edge/listed-paths.js';
import type { MatchedRoute, RequestContext } from '../../edge/request-context.js';
import type { IpAddress } from '../../net/ip-address.js';
import { outcomeOf } from '../record/outcome.js';
import { recordId } from '../record/record-id.js';
import type { Enrichment } from './enrich.js';
import type { RecordFolding } from './record-folding.js';
import type { RecordIntake } from './record-intake.js';
import type { RecordSelection } from './record-selection.js';
import type { RequestSignals } from './request-signals.js';
import type { LogRecord } from '../record/request-record.js';
import { token } from '../../provide.js';
import { storableText } from '../record/storable-text.js';

/** The longest path and user agent that are stored, in code points; what is longer is cut. */
export const MAX_PATH_LENGTH = 2_048;
export const MAX_USER_AGENT_LENGTH = 512;
const MAX_USER_ID_LENGTH = 256;
const MAX_METHOD_LENGTH = 32;

/** What a {@link RequestLogger} asks about each request. */
export interface RequestLoggerParts {
  sensitivePaths: ListedPaths;
  /** What is kept of a target's query string. */
  queryOf(url: string): string;
  /** Which records are written; null for all. */
  selection: RecordSelection | null;
  /** What looks at what each request shows by itself; null where nobody does. */
  signals: RequestSignals | null;
  /** Told of each request once it is over, whether its record is written or not; null where nobody listens. */
  watch: RequestWatch | null;
  /** What the host adds; null for nothing. */
  enrichment: Enrichment | null;
  /** What folds the rows of clients whom a rule has blocked; null for a row each. */
  folding: RecordFolding | null;
}

/** Whoever is told of requests as they end. Must not wait, must not throw, and must not keep the record. */
export interface RequestWatch {
  ended(record: LogRecord): void;
  /** Forgets clients that are erased, in every form in which they were stored. */
  forget(clients: readonly IpAddress[]): void;
}
export const REQUEST_WATCH = token<RequestWatch | null>('request-watch');

/** Turns a closed request into a record, and hands it on. */
export class RequestLogger {
  constructor(
    private readonly records: Pick<RecordIntake, 'push'>,
    private readonly parts: RequestLoggerParts,
  ) {}

  /** Called once for each request, handshake or logged message that has ended. */
  ended(context: RequestContext): void {
    const { selection, enrichment, folding, signals, watch } = this.parts;
    const { ending } = context;
    if (ending === null) return;
    const isBlocked = context.refusal === 'blocked' && context.blockReason === 'rule';
    // A ban that is not stored yet has no id: there is one of a client at most.
    const blockedBy = isBlocked ? (context.ruleId ?? 0) : null;
    // It costs next to nothing: not even a record is made.
    if (blockedBy !== null && folding !== null && folding.adds(context.client.ip, blockedBy))
      return;
    const matched = context.endedRoute(ending.status);
    // Whom we refuse is logged wherever they have knocked.
    if (matched?.route.isUnlogged && context.refusal === null) return;
    const path = storableText(pathOf(context.url), MAX_PATH_LENGTH);
    const record = this.recordOf(context, path, ending, matched);
    signals?.note(record, context, matched?.route.isLogin === true);
    watch?.ended(record);
    if (selection !== null && !selection.keeps(record, path)) return;
    if (enrichment !== null) record.extra = enrichment.of(record, context.request);
    if (blockedBy !== null && folding !== null && folding.holds(record, blockedBy)) return;
    this.records.push(record);
  }

  private recordOf(
    context: RequestContext,
    path: string,
    ending: Ending,
    matched: MatchedRoute | null,
  ): LogRecord {
    const { sensitivePaths, queryOf } = this.parts;
    const query = queryOf(context.url);
    const isSensitive = context.isSensitive || matched?.route.isSensitive === true;
    return {
      id: recordId(context.startedAtMs),
      timestampMs: context.startedAtMs,
      ip: context.client.ip,
      ipSource: context.client.source,
      method: storableText(context.method, MAX_METHOD_LENGTH),
      path: query === '' ? path : storableText(path + query, MAX_PATH_LENGTH),
      route: matched === null ? null : storableText(matched.pattern, MAX_PATH_LENGTH),
      status: ending.status,
      outcome: outcomeOf({
        refusal: context.refusal,
        isMatched: matched !== null,
        status: ending.status,
        isComplete: ending.isComplete,
        hasClientLeft: ending.hasClientLeft,
      }),
      durationUs: Math.max(0, Math.round((performance.now() - context.startedAtTick) * 1_000)),
      userAgent:
        context.userAgent === undefined
          ? null
          : storableText(context.userAgent, MAX_USER_AGENT_LENGTH),
      userId: userOf(context),
      sensitive: isSensitive || sensitivePaths.has(path),
      ruleId: context.ruleId,
      reason: context.blockReason,
      repeats: 0,
      signals: null,
      attemptedUser: null,
      // Filled in on the way: a property that is added later would give every record a second shape, and its own memory.
      country: null,
      city: null,
      extra: null,
    };
  }
}

function userOf(context: RequestContext): string | null {
  const userId = context.user();
  return userId === null ? null : storableText(userId, MAX_USER_ID_LENGTH);
}

/**
 * The path of a request's target: without its query string, without a fragment, which no client should send and every
 * router cuts, and without the scheme and host that a client may put in front of it (RFC 9112 section 3.2.2).
 */
function pathOf(url: string): string {
  const target = url.startsWith('/') ? url : withoutOrigin(url);
  const query = target.indexOf('?');
  const fragment = target.indexOf('#');
  if (query === -1 && fragment === -1) return target;
  const end = query === -1 || (fragment !== -1 && fragment < query) ? fragment : query;
  return target.slice(0, end) || '/';
}

function withoutOrigin(url: string): string {
  const origin = /^[a-z][a-z0-9+.-]{0,15}:\/\/[^/?#]*/i.exec(url)?.[0];
  return origin === undefined ? url : url.slice(origin.length) || '/';
}
