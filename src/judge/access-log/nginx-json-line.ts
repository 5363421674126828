import type { AccessLogLine } from './access-log-line.js';
import type { JsonObject } from './json-fields.js';
import { isoTimeMs, lineTimeMs, numberIn, statusOf, textIn } from './json-fields.js';
import type { LineAddresses } from './line-addresses.js';
import type { LineTime } from './line-time.js';
import { type RequestLine, splitRequestText } from './request-line.js';

/*
 * nginx names no fields of such a log: whoever writes the `log_format` does, mostly after nginx's own variables
 * (https://nginx.org/en/docs/http/ngx_http_log_module.html). Of several names the first is the variable.
 */
const ADDRESS = ['remote_addr', 'remote_ip', 'client_ip', 'client'];
const EPOCH_SECONDS = ['msec'];
const TIMES = ['time_iso8601', 'time_local', '@timestamp', 'timestamp', 'time'];
const REQUEST = ['request'];
const METHOD = ['request_method', 'method'];
const TARGET = ['request_uri', 'uri', 'path'];
const PROTOCOL = ['server_protocol', 'protocol'];
const STATUS = ['status'];
const BYTES = ['body_bytes_sent', 'bytes_sent', 'bytes', 'size'];
const REFERER = ['http_referer', 'http_referrer', 'referer', 'referrer'];
const USER_AGENT = ['http_user_agent', 'user_agent', 'agent'];
const HOST = ['http_host', 'host', 'server_name', 'vhost'];
const SECONDS = ['request_time'];
const USER = ['remote_user', 'user'];

/** The request that an object of nginx's log tells of; null where it has no address, no time, or no request. */
export function nginxJsonLine(
  line: JsonObject,
  addresses: LineAddresses,
  time: LineTime,
): AccessLogLine | null {
  const ip = addresses.readText(textIn(line, ADDRESS) ?? '');
  if (ip === null) return null;
  const timestampMs = timeOf(line, time);
  if (Number.isNaN(timestampMs)) return null;
  const request = requestOf(line);
  if (request === null) return null;
  const seconds = numberIn(line, SECONDS);
  return {
    timestampMs,
    ip,
    method: request.method,
    target: request.target,
    protocol: request.protocol,
    status: statusOf(numberIn(line, STATUS)),
    bytes: numberIn(line, BYTES),
    referer: textIn(line, REFERER),
    userAgent: textIn(line, USER_AGENT),
    host: textIn(line, HOST) || null,
    durationMs: seconds === null ? null : seconds * 1_000,
    remoteUser: textIn(line, USER) || null,
  };
}

function timeOf(line: JsonObject, time: LineTime): number {
  const seconds = numberIn(line, EPOCH_SECONDS);
  if (seconds !== null) return Math.round(seconds * 1_000);
  for (const name of TIMES) {
    const text = line[name];
    if (typeof text !== 'string') continue;
    const ms = lineTimeMs(text, time);
    if (!Number.isNaN(ms)) return ms;
    const isoMs = isoTimeMs(text);
    if (!Number.isNaN(isoMs)) return isoMs;
  }
  return Number.NaN;
}

/** From the request line, which is there even where it is none; else from its parts. */
function requestOf(line: JsonObject): RequestLine | null {
  for (const name of REQUEST) {
    const text = line[name];
    if (typeof text === 'string') return splitRequestText(text);
  }
  const method = textIn(line, METHOD);
  const target = textIn(line, TARGET);
  if (method === null || target === null) return null;
  return { method, target, protocol: textIn(line, PROTOCOL) ?? '' };
}
