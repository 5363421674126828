import type { AccessLogLine } from '../../src/judge/access-log/access-log-line.js';
import { AccessLogParser } from '../../src/judge/access-log/line-parser.js';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0';
/** When the logs of tests begin. */
export const LOG_START_MS = Date.UTC(2026, 8, 1, 12);

/** A request of a log. */
export interface LoggedRequest {
  ip?: string;
  /** Seconds after {@link LOG_START_MS}. @default 0 */
  at?: number;
  method?: string;
  path?: string;
  status?: number;
  /** `null` is a `-`. */
  bytes?: number | null;
  referer?: string;
  agent?: string;
}

/** A request in the combined format. */
export function combinedLine({
  ip = '203.0.113.7',
  at = 0,
  method = 'GET',
  path = '/',
  status = 200,
  bytes = 1_000 + path.length * 7,
  referer = '-',
  agent = BROWSER,
}: LoggedRequest): string {
  const date = new Date(LOG_START_MS + at * 1_000);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${two(date.getUTCDate())}/${MONTHS[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${ip} - - [${day}:${time} +0000] "${method} ${path} HTTP/1.1" ${status} ${bytes ?? '-'} "${referer}" "${agent}"`;
}

/** Requests as the judge reads them. */
export function logLines(requests: readonly LoggedRequest[]): AccessLogLine[] {
  const parser = new AccessLogParser();
  return requests.map((request) => parser.readText(combinedLine(request))!);
}
