/** What became of a request, by the words of the request log. */
export type RequestOutcome =
  'blocked' | 'throttled' | 'unmatched' | 'refused' | 'aborted' | 'failed' | 'served';

/** What is known of a request when it has ended, as plain values. */
export interface RequestFacts {
  /** As it came; empty where there was none. */
  readonly method: string;
  /** The request line's target as it came, query string and all; empty where there was none. */
  readonly target: string;
  /** The `Host` header or `:authority`; null where there was none, or nobody kept it. */
  readonly host: string | null;
  /** The pattern of the route that matched, as the framework writes it; null where none did. */
  readonly routePattern: string | null;
  /** The route or path is one of the sensitive ones. */
  readonly isSensitive: boolean;
  /** The route takes credentials. Null where nobody can say, as in an access log: then the path is asked. */
  readonly isLogin: boolean | null;
  readonly outcome: RequestOutcome;
  /** The HTTP status; 0 where nothing was answered. */
  readonly status: number;
  readonly userAgent: string | null;
  readonly referer: string | null;
  /** The `Accept` header; null where there was none, or nobody kept it. */
  readonly accept: string | null;
  /** `Sec-Fetch-Mode`, and below its siblings (https://www.w3.org/TR/fetch-metadata/). */
  readonly secFetchMode: string | null;
  readonly secFetchDest: string | null;
  readonly secFetchSite: string | null;
  readonly secFetchUser: string | null;
  /** The answer's `Content-Type`; null where it has none, or nobody kept it. */
  readonly responseType: string | null;
  /** What the app itself said about the credentials; null where it said nothing. */
  readonly reported: 'failure' | 'success' | null;
}
