import { ACCESS_LOG_FORMATS, type AccessLogFormat, type AccessLogLine } from './access-log-line.js';
import { caddyJsonLine } from './caddy-json-line.js';
import { CombinedLineReader } from './combined-line.js';
import { parseObject } from './json-fields.js';
import { LineAddresses } from './line-addresses.js';
import { LineTime } from './line-time.js';
import { nginxJsonLine } from './nginx-json-line.js';

const OPEN_BRACE = 123;

/** How many lines were read of each format. */
export type FormatCounts = Record<AccessLogFormat, number>;

/**
 * Reads lines of access logs, each for what it is: a file may change its format where a configuration was changed, and
 * may hold garbage anywhere. It does no I/O. One parser reads one log after another: what it remembers are addresses
 * and the day, which only make it fast.
 */
export class AccessLogParser {
  private readonly addresses = new LineAddresses();
  private readonly time = new LineTime();
  private readonly combined = new CombinedLineReader(this.addresses, this.time);

  /** How many lines were read of each format since the parser was made, or these were set to 0. */
  readonly counts: FormatCounts = countsOfNothing();

  /** The request that `bytes[start, end)` tells of; null where that is no line of an access log. */
  read(bytes: Buffer, start: number, end: number): AccessLogLine | null {
    if (bytes[start] === OPEN_BRACE) return this.readJson(bytes.toString('latin1', start, end));
    const line = this.combined.read(bytes, start, end);
    if (line !== null) {
      if (this.combined.isCombined) this.counts.combined++;
      else this.counts.common++;
    }
    return line;
  }

  /** As {@link read}, for a line by itself: one byte a character, or text, which is then taken as UTF-8. */
  readText(text: string): AccessLogLine | null {
    const bytes = Buffer.from(text, 'utf8');
    return this.read(bytes, 0, bytes.length);
  }

  private readJson(text: string): AccessLogLine | null {
    const object = parseObject(text);
    if (object === null) return null;
    const caddy = caddyJsonLine(object, this.addresses);
    if (caddy !== null) {
      this.counts['caddy-json']++;
      return caddy;
    }
    const nginx = nginxJsonLine(object, this.addresses, this.time);
    if (nginx !== null) this.counts['nginx-json']++;
    return nginx;
  }
}

/** No line of any format. */
export function countsOfNothing(): FormatCounts {
  return Object.fromEntries(ACCESS_LOG_FORMATS.map((format) => [format, 0])) as FormatCounts;
}
