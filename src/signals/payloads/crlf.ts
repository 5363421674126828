import { isSpace, isWordChar, type PayloadPlace } from './payload-text.js';

const CR = 13;
const LF = 10;
const COLON = 58;
const MINUS = 45;

/** Headers that somebody who can write one would write: a cookie, a second answer, a mail to many. */
const HEADERS = new Set([
  'set-cookie',
  'content-length',
  'transfer-encoding',
  'x-xss-protection',
  'access-control-allow-origin',
  'bcc',
]);
const LONGEST = 40;

/**
 * Whether a decoded text in lower case breaks the line and goes on with a header.
 *
 * Takes: in a path, any header behind a carriage return and a line feed, and behind a line feed alone those of the list;
 * in a query, those of the list. Lets pass: texts of several lines, though a line may begin with "Location:" or
 * "Subject:", and the line break at the end of a link that was copied.
 */
export function hasHeaderInjection(text: string, place: PayloadPlace): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c !== CR && c !== LF) continue;
    const isWhole = c === CR && text.charCodeAt(i + 1) === LF;
    let start = isWhole ? i + 2 : i + 1;
    // Twice: the headers end, and an answer of somebody else's begins.
    while (isSpace(text.charCodeAt(start))) start++;
    const name = nameAt(text, start);
    if (name !== null && (HEADERS.has(name) || (isWhole && place === 'path'))) return true;
    if (text.startsWith('http/1.', start)) return true;
    i = start - 1;
  }
  return false;
}

/** A header's name that is followed by a colon, or null. */
function nameAt(text: string, start: number): string | null {
  let i = start;
  while (i - start < LONGEST) {
    const c = text.charCodeAt(i);
    if (!isWordChar(c) && c !== MINUS) break;
    i++;
  }
  return i > start && text.charCodeAt(i) === COLON ? text.slice(start, i) : null;
}
