import type { IpAddress } from '../../net/ip-address.js';

/**
 * One request as an access log tells it. Texts hold one byte a character, as node's HTTP parser hands them to an app: a
 * log is bytes, in no encoding that could be told, and what judges requests shall see the same text in both places.
 */
export interface AccessLogLine {
  /** Epoch milliseconds of what the log calls the request's time; most logs know whole seconds. */
  readonly timestampMs: number;
  readonly ip: IpAddress;
  /** Empty where the request line was none: bytes that are not HTTP, a word alone, or nothing at all. */
  readonly method: string;
  /** As it was sent, never normalised; the whole request line where that was none. */
  readonly target: string;
  /** `HTTP/1.1`; empty where the request line names none. */
  readonly protocol: string;
  /** 0 where the log names none. */
  readonly status: number;
  /** Size of the answer in bytes; null where the log says `-`, which Apache writes for an answer without a body. */
  readonly bytes: number | null;
  readonly referer: string | null;
  readonly userAgent: string | null;
  /** The host that was asked for, where the log says so. */
  readonly host: string | null;
  /** How long the request took, in milliseconds, where the log says so. */
  readonly durationMs: number | null;
  /** The user that HTTP authentication named. */
  readonly remoteUser: string | null;
}

/** The formats that are read, as they are called in front of people. */
export const ACCESS_LOG_FORMATS = ['combined', 'common', 'nginx-json', 'caddy-json'] as const;

/** One of {@link ACCESS_LOG_FORMATS}. A file may hold several: each line is read for what it is. */
export type AccessLogFormat = (typeof ACCESS_LOG_FORMATS)[number];
