import { isSpace, isWordChar, type PayloadPlace } from './payload-text.js';

const LESS = 60;
const GREATER = 62;
const EQUALS = 61;
const SLASH = 47;

/** What is called to show that a script runs, or to take what it can reach. */
const CALLS = [
  'alert(',
  'alert`',
  'prompt(',
  'prompt`',
  'confirm(',
  'confirm`',
  'document.cookie',
  'document.domain',
  'document.location',
  'document.write(',
  'string.fromcharcode',
  'eval(',
  'atob(',
  'onerror=',
];

/** How far behind an element's name its handler is looked for. */
const REACH = 256;

/**
 * Whether a decoded text in lower case has a script for somebody else's browser.
 *
 * Takes: `<script` that a quote and a `>` break out to, or with a call that shows that it runs (`alert(`,
 * `document.cookie`); an element with a handler (`<svg onload=`) or an address (`<a href="javascript:`) that calls such a
 * thing, and one with any handler where a quote and a `>` break out to it; a handler that only a quote breaks out to;
 * `javascript:` as the beginning of a value with such a call. Lets pass: people who ask about `<script>` or `onclick=`,
 * elements without a script, `a < b`, and the `javascript:void(0)` of a link that a crawler followed.
 */
export function hasScript(text: string, place: PayloadPlace): boolean {
  const lastCall = CALLS.reduce((last, call) => Math.max(last, text.lastIndexOf(call)), -1);
  const isCalled = lastCall >= 0;
  if (isCalled && place !== 'path' && text.startsWith('javascript:')) return true;
  if (isCalled && place !== 'prose' && hasBareHandler(text, lastCall)) return true;
  const lastAddress = text.lastIndexOf('javascript:', lastCall);
  for (let i = text.indexOf('<'); i >= 0; i = text.indexOf('<', i + 1)) {
    const name = elementAt(text, i + 1);
    if (name === '') continue;
    const isBreakout = text.charCodeAt(i - 1) === GREATER && isQuote(text, i - 2);
    if (name === 'script' && (isBreakout || lastCall > i)) return true;
    if (lastCall <= i && !isBreakout) continue;
    if (lastAddress > i || hasHandler(text, i)) return true;
  }
  return false;
}

function elementAt(text: string, start: number): string {
  let i = start;
  while (isWordChar(text.charCodeAt(i))) i++;
  return text.slice(start, i);
}

function isQuote(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  return c === 34 || c === 39;
}

/** Whether a handler (`on...=`) stands in the element that begins at `at`. */
function hasHandler(text: string, at: number): boolean {
  const end = Math.min(text.length, at + REACH);
  for (let i = at + 2; i < end; i++) {
    const c = text.charCodeAt(i);
    if (c === LESS) return false;
    // It begins where an attribute can: behind white space, a slash or a quote.
    if ((c <= 32 || c === SLASH || c === 34 || c === 39) && isHandlerAt(text, i + 1)) return true;
  }
  return false;
}

/** `" onmouseover=alert(1)`: a handler behind the quote that ends the attribute before it, and a call behind that. */
function hasBareHandler(text: string, lastCall: number): boolean {
  for (let i = 0; i < lastCall; i++) {
    if (!isQuote(text, i)) continue;
    let start = i + 1;
    while (start - i < 8 && (isSpace(text.charCodeAt(start)) || text.charCodeAt(start) === SLASH)) {
      start++;
    }
    if (isHandlerAt(text, start) && start < lastCall) return true;
  }
  return false;
}

function isHandlerAt(text: string, at: number): boolean {
  if (!text.startsWith('on', at)) return false;
  let i = at + 2;
  while (i - at < 32 && isWordChar(text.charCodeAt(i))) i++;
  return i > at + 3 && text.charCodeAt(i) === EQUALS;
}
