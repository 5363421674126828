import { MARK, marksOf } from './marks.js';
import { hasHeaderInjection } from './payloads/crlf.js';
import { hasJndi } from './payloads/jndi.js';
import { isNoSqlName } from './payloads/nosql.js';
import { type PayloadPlace, placeOf } from './payloads/payload-text.js';
import { isPrototypeName, isPrototypeValue } from './payloads/prototype.js';
import { hasShell } from './payloads/shell.js';
import { hasSql } from './payloads/sql.js';
import { hasMetadataAddress } from './payloads/ssrf.js';
import { hasTemplate } from './payloads/template.js';
import { climbOf, isTraversingPath, isTraversingValue } from './payloads/traversal.js';
import { hasScript } from './payloads/xss.js';
import { decodeOnce } from './decoding.js';
import { bitsOf } from './signal.js';

const TRAVERSAL = bitsOf(['payload:traversal']);
const SQL = bitsOf(['payload:sql']);
const TEMPLATE = bitsOf(['payload:template']);
const JNDI = bitsOf(['payload:jndi']);
const SHELL = bitsOf(['payload:shell']);
const XSS = bitsOf(['payload:xss']);
const CRLF = bitsOf(['payload:crlf']);
const PROTOTYPE = bitsOf(['payload:prototype']);
const SSRF = bitsOf(['payload:ssrf']);

/** Without one of these, an undecoded path or header has no payload in it, two dots apart. */
export const PAYLOAD_MARKS =
  MARK.percent |
  MARK.quote |
  MARK.angle |
  MARK.brace |
  MARK.semicolon |
  MARK.command |
  MARK.dollar |
  MARK.parenthesis |
  MARK.backslash |
  MARK.asterisk |
  MARK.space |
  MARK.control;

/** The same of a query, whose values may be paths, addresses and sentences. */
export const QUERY_MARKS = PAYLOAD_MARKS | MARK.plus | MARK.bracket | MARK.slash;

/** Without one of these, a decoded value has no payload in it. */
const VALUE_MARKS = QUERY_MARKS | MARK.underscore | MARK.ampersand | MARK.colon;

/** Without one of these, the name of a parameter has no payload in it. */
const NAME_MARKS = MARK.percent | MARK.dot | MARK.underscore | MARK.bracket | MARK.brace;

/** What a name does not have, unless it is none: brackets apart, which nest. */
const SPLIT_MARKS =
  MARK.quote |
  MARK.angle |
  MARK.brace |
  MARK.dollar |
  MARK.parenthesis |
  MARK.semicolon |
  MARK.space;

const TEMPLATE_MARKS = MARK.brace | MARK.angle | MARK.parenthesis | MARK.dot;
const SHELL_MARKS =
  MARK.backslash |
  MARK.semicolon |
  MARK.command |
  MARK.ampersand |
  MARK.dollar |
  MARK.angle |
  MARK.brace |
  MARK.underscore |
  MARK.space;

const AMPERSAND = 38;
const EQUALS = 61;
const PERCENT = '%';

/** The payloads in a path, as it came and as it was decoded. */
export function payloadsOfPath(raw: string, once: string, twice: string): number {
  const rawRun = raw.includes('..') ? climbOf(raw).run : 0;
  let bits = pathBits(once, rawRun);
  if (twice === once) return bits;
  bits |= pathBits(twice, rawRun);
  // Who escapes a way up twice hides it.
  return climbOf(twice).run > climbOf(once).run ? bits | TRAVERSAL : bits;
}

function pathBits(path: string, rawRun: number): number {
  return textBits(path, marksOf(path), 'path') | (isTraversingPath(path, rawRun) ? TRAVERSAL : 0);
}

/** The payloads in a query, as it came, from `start` to `end` of a target. */
export function payloadsOfQuery(target: string, start: number, end: number): number {
  let bits = 0;
  let from = start;
  for (let i = start; i <= end; i++) {
    if (i < end && target.charCodeAt(i) !== AMPERSAND) continue;
    bits |= parameterBits(target, from, i);
    from = i + 1;
  }
  return bits;
}

function parameterBits(target: string, start: number, end: number): number {
  let equals = start;
  while (equals < end && target.charCodeAt(equals) !== EQUALS) equals++;
  const name = decodeOnce(target.slice(start, equals), true);
  let bits = nameBits(name);
  if (equals === end) return bits | valueBits(target, start, end, 'value');
  // The first `=` may be one of the payload.
  if ((marksOf(name) & SPLIT_MARKS) !== 0) bits |= valueBits(target, start, end, 'value');
  return bits | valueBits(target, equals + 1, end, placeOf(name));
}

function nameBits(once: string): number {
  if ((marksOf(once) & NAME_MARKS) === 0) return 0;
  const name = once.includes(PERCENT) ? decodeOnce(once, false) : once;
  let bits = isPrototypeName(name) ? PROTOTYPE : 0;
  if (hasTemplate(name)) bits |= TEMPLATE;
  if (isNoSqlName(name)) bits |= SQL;
  return hasJndi(name) ? bits | JNDI : bits;
}

function valueBits(target: string, start: number, end: number, place: PayloadPlace): number {
  const once = decodeOnce(target.slice(start, end), true);
  let bits = queryTextBits(once, place);
  if (once.includes(PERCENT)) {
    const twice = decodeOnce(once, false);
    if (twice !== once) bits |= queryTextBits(twice, place);
  }
  return bits;
}

function queryTextBits(value: string, place: PayloadPlace): number {
  const marks = marksOf(value);
  if ((marks & VALUE_MARKS) === 0) return 0;
  let bits = textBits(value, marks, place);
  if (isTraversingValue(value, place)) bits |= TRAVERSAL;
  if (hasMetadataAddress(value, place)) bits |= SSRF;
  return isPrototypeValue(value) ? bits | PROTOTYPE : bits;
}

/** Without one of these, a header has no payload in it: user agents have spaces, semicolons and parentheses. */
const HEADER_MARKS = PAYLOAD_MARKS & ~(MARK.space | MARK.semicolon | MARK.parenthesis);

/** The payloads in a header that is free text. */
export function payloadsOfHeader(text: string): number {
  if ((marksOf(text) & HEADER_MARKS) === 0) return 0;
  const once = decodeOnce(text, false);
  return textBits(once, marksOf(once), 'header');
}

/** The payloads in an address that a header names: only what was made for the programs that log it. */
export function payloadsOfAddress(text: string): number {
  // Without a brace, be it escaped, there is no lookup; search engines' addresses are long, and full of other escapes.
  if (!text.includes('{') && !text.includes('7b') && !text.includes('7B')) return 0;
  const once = decodeOnce(text, true);
  const twice = once.includes(PERCENT) ? decodeOnce(once, false) : once;
  return hasJndi(once) || hasJndi(twice) ? JNDI : 0;
}

/** What a decoded text in lower case shows wherever it stands; each kind is only asked where its characters are there. */
function textBits(text: string, marks: number, place: PayloadPlace): number {
  let bits = 0;
  if (mayBeSql(text, marks) && hasSql(text, place)) bits |= SQL;
  if (has(marks, MARK.brace) && has(marks, MARK.dollar) && hasJndi(text)) bits |= JNDI;
  if (has(marks, TEMPLATE_MARKS) && hasTemplate(text)) bits |= TEMPLATE;
  if (has(marks, SHELL_MARKS) && hasShell(text, place)) bits |= SHELL;
  if (mayBeScript(marks) && hasScript(text, place)) bits |= XSS;
  if (has(marks, MARK.control) && hasHeaderInjection(text, place)) bits |= CRLF;
  return bits;
}

/** What stands between two words of SQL. */
const SQL_MARKS =
  MARK.quote |
  MARK.space |
  MARK.plus |
  MARK.parenthesis |
  MARK.command |
  MARK.ampersand |
  MARK.semicolon;

/** Where there is nothing else between them, comments are put in the place of spaces. */
function mayBeSql(text: string, marks: number): boolean {
  if (has(marks, SQL_MARKS)) return true;
  return has(marks, MARK.slash) && text.includes('/*');
}

/** An element, an address, or a handler behind the quote that ends an attribute. */
function mayBeScript(marks: number): boolean {
  if (has(marks, MARK.angle | MARK.colon)) return true;
  return has(marks, MARK.quote) && has(marks, MARK.equals);
}

function has(marks: number, wanted: number): boolean {
  return (marks & wanted) !== 0;
}
