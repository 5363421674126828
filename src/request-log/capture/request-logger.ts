import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Socket } from 'node:net';
import type { MatchedRoute, RequestContext } from '../../edge/request-context.js';
import type { Ending } from '../../edge/edge-policy.js';
import { errorCodeOf } from '../../database/connection-error.js';
import { identifySafely, type Identify } from '../../edge/identify.js';
import { outcomeOf } from '../record/outcome.js';
import { recordId } from '../record/record-id.js';
import type { Enrichment } from './enrich.js';
import type { ListedPaths } from '../../edge/listed-paths.js';
import type { RecordIntake } from './record-intake.js';
import type { RecordSelection } from './record-selection.js';
import type { PlacedRecord } from '../record/request-record.js';
import { storableText } from '../record/storable-text.js';

/** The longest path and user agent that are stored, in code points; what is longer is cut. */
export const MAX_PATH_LENGTH = 2_048;
export const MAX_USER_AGENT_LENGTH = 512;
const MAX_USER_ID_LENGTH = 256;
const MAX_METHOD_LENGTH = 32;

/** Node's response of HTTP/2, which its types take for one of HTTP/1. */
type Http2Response = ServerResponse & { stream?: ServerHttp2Stream };

/** What a {@link RequestLogger} asks about each request. */
export interface RequestLoggerParts {
  sensitivePaths: ListedPaths;
  identify: Identify;
  /** What is kept of a target's query string. */
  queryOf(url: string): string;
  /** Which records are written; null for all. */
  selection: RecordSelection | null;
  /** What the host adds; null for nothing. */
  enrichment: Enrichment | null;
}

/** Turns a closed request into a record, and hands it on. */
export class RequestLogger {
  constructor(
    private readonly records: Pick<RecordIntake, 'push'>,
    private readonly parts: RequestLoggerParts,
  ) {}

  /** Called once for each request, when its response has closed. */
  closed(context: RequestContext, response: ServerResponse): void {
    this.ended(context, endingOf(context, response));
  }

  /** Called once for each handshake and each logged message, which have no response. */
  ended(context: RequestContext, ending: Ending): void {
    const { selection, enrichment } = this.parts;
    const matched = context.matchedRoute();
    // Whom we refuse is logged wherever he has knocked.
    if (matched?.flags.isUnlogged && context.refusal === null) return;
    const path = storableText(pathOf(context.url), MAX_PATH_LENGTH);
    const record = this.recordOf(context, path, ending, matched);
    if (selection !== null && !selection.keeps(record, path)) return;
    if (enrichment !== null) record.extra = enrichment.of(record, context.request);
    this.records.push(record);
  }

  private recordOf(
    context: RequestContext,
    path: string,
    ending: Ending,
    matched: MatchedRoute | null,
  ): PlacedRecord {
    const { sensitivePaths, queryOf } = this.parts;
    const query = queryOf(context.url);
    const isSensitive = context.isSensitive || matched?.flags.isSensitive === true;
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
      userId: this.userOf(context),
      sensitive: isSensitive || sensitivePaths.has(path),
      ruleId: context.ruleId,
      // Filled in on the way: a property that is added later would give every record a second shape, and its own memory.
      country: null,
      city: null,
      extra: null,
    };
  }

  private userOf(context: RequestContext): string | null {
    const userId = identifySafely(this.parts.identify, context.request);
    return userId === null ? null : storableText(userId, MAX_USER_ID_LENGTH);
  }
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

/** How a request has ended whose response has closed. */
export function endingOf(context: RequestContext, response: Http2Response): Ending {
  // Asked for only where there can be one: to look for what Express' prototypes do not have is dear.
  const stream = context.isHttp2 ? response.stream : undefined;
  const isComplete = stream === undefined ? hasLeft(response) : hasStreamLeft(stream);
  return {
    status: response.statusCode,
    isComplete,
    hasClientLeft:
      !isComplete && (stream === undefined ? hasClientHungUp(response) : hasClientReset(stream)),
  };
}

/**
 * Whether all of the answer has left. Without a connection (`inject()`, serverless adapters) nothing has to leave: ended
 * is finished.
 */
function hasLeft(response: ServerResponse): boolean {
  return (
    response.writableFinished ||
    (response.writableEnded && !(response.req.socket instanceof Socket))
  );
}

/** Of HTTP/2 it is the stream that knows, and an aborted one says that it has finished. */
function hasStreamLeft(stream: ServerHttp2Stream): boolean {
  return stream.writableFinished && !stream.aborted;
}

/** Whether it was the client who ended the connection, and not this process that broke off its answer. */
function hasClientHungUp({ errored, req: { socket } }: ServerResponse): boolean {
  if (errored !== null && errored !== undefined) return false;
  return socket === null || socket.errored !== null || socket.readableEnded;
}

/**
 * Of HTTP/2 the connection goes on, and its stream is reset: with CANCEL by browsers, and by node for each stream of a
 * connection that is lost; without an error by some, who have ended their side then; with another code, which node makes
 * an error of. What else has gone wrong with a stream has done so here.
 */
function hasClientReset({ errored, rstCode, readableEnded }: ServerHttp2Stream): boolean {
  if (errored !== null) return errorCodeOf(errored) === 'ERR_HTTP2_STREAM_ERROR';
  return rstCode === constants.NGHTTP2_CANCEL || readableEnded;
}
