import type { AccessLogLine } from './access-log-line.js';
import type { JsonObject } from './json-fields.js';
import { isObject, isoTimeMs, numberIn, statusOf, textIn } from './json-fields.js';
import type { LineAddresses } from './line-addresses.js';

/** The client where Caddy knows its proxies (2.7 on), the peer, and the peer with its port, as Caddy wrote it up to 2.4. */
const ADDRESS = ['client_ip', 'remote_ip'];
const ADDRESS_AND_PORT = ['remote_addr'];

/** Caddy writes seconds unless its `time_format` says otherwise; beyond these they are milliseconds, or nanoseconds. */
const LARGEST_SECONDS = 1e11;
const LARGEST_MS = 1e14;

/**
 * The request that an object of Caddy 2's access log tells of (https://caddyserver.com/docs/logging); null where it has
 * no request, status, address or time, such as what Caddy logs of itself. An error of a handler is logged beside the
 * access, with the same request, and is not one more.
 */
export function caddyJsonLine(line: JsonObject, addresses: LineAddresses): AccessLogLine | null {
  const { request } = line;
  const status = numberIn(line, ['status']);
  if (!isObject(request) || status === null) return null;
  if (textIn(line, ['logger'])?.startsWith('http.log.error') === true) return null;
  const ip = addresses.readText(addressIn(request));
  const timestampMs = timeOf(line['ts']);
  const method = textIn(request, ['method']);
  const target = textIn(request, ['uri']);
  if (ip === null || Number.isNaN(timestampMs) || method === null || target === null) return null;
  const { headers } = request;
  const seconds = numberIn(line, ['duration']);
  return {
    timestampMs,
    ip,
    method,
    target,
    protocol: textIn(request, ['proto']) ?? '',
    status: statusOf(status),
    bytes: numberIn(line, ['size']),
    referer: headerIn(headers, 'Referer'),
    userAgent: headerIn(headers, 'User-Agent'),
    host: textIn(request, ['host']) || null,
    durationMs: seconds === null ? null : seconds * 1_000,
    remoteUser: textIn(line, ['user_id']) || null,
  };
}

function addressIn(request: JsonObject): string {
  const address = textIn(request, ADDRESS);
  if (address !== null) return address;
  const withPort = textIn(request, ADDRESS_AND_PORT) ?? '';
  const text = withPort.slice(0, withPort.lastIndexOf(':'));
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
}

function timeOf(ts: unknown): number {
  if (typeof ts === 'string') return isoTimeMs(ts.replaceAll('/', '-'));
  if (typeof ts !== 'number' || !Number.isFinite(ts)) return Number.NaN;
  if (ts > LARGEST_MS) return Math.round(ts / 1e6);
  return Math.round(ts > LARGEST_SECONDS ? ts : ts * 1_000);
}

/** A header may come several times; a client that sends two user agents is known by both. */
function headerIn(headers: unknown, name: string): string | null {
  if (!isObject(headers)) return null;
  const values = headers[name];
  return Array.isArray(values) && values.length > 0 ? values.map(String).join(', ') : null;
}
