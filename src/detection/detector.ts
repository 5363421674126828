/** What one client did within one window of the request log, as far as detection needs it. */
export interface ClientTraffic {
  /** The client as limits and findings count it: an IPv4 address, or an IPv6 network such as `2001:db8::/64`. */
  ipAddress: string;
  /** Requests in the window, without those that a stored block rule refused. */
  requests: number;
  /** Those of them that hit a sensitive path or route. */
  sensitiveRequests: number;
  /** The sensitive paths that were hit most, the most frequent first; at most ten. */
  sensitivePaths: { path: string; requests: number }[];
  firstSeen: Date;
  lastSeen: Date;
}

/** The stretch of the request log that a scan looks at: `from` inclusive, `to` exclusive. */
export interface ScanWindow {
  from: Date;
  to: Date;
}

/** What a detector says about a client: why, in a sentence for people, and the facts for programs. */
export interface Judgement {
  reason: string;
  evidence: Record<string, unknown>;
}

/** A judgement over the log. A new detector is one new file that makes one of these. */
export interface Detector {
  /** The name under which its findings are stored. */
  readonly name: string;
  /** Which clients it wants to see at all, so that the database sends no others. */
  readonly wants: { requestsOver?: number; anySensitive?: boolean };
  /** The pure judgement; null for nothing to say. */
  judge(traffic: ClientTraffic, window: ScanWindow): Judgement | null;
}
