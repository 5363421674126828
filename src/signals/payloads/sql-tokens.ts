import { isDigit, isSpace, isWordChar } from './payload-text.js';

/** A piece of a text as a database would read it. */
export interface SqlToken {
  /** `'` and `"` are tokens of their own: where a text breaks out, they do not come in pairs. */
  readonly kind: 'word' | 'number' | 'quote' | 'compare' | 'comment' | 'sign';
  readonly text: string;
  /** Where it begins. */
  readonly at: number;
}

/** Words by which values are compared. */
const COMPARISONS = new Set(['like', 'rlike', 'regexp']);
/** More pieces than any injection needs before it shows; what is longer was not written by one. */
const MAX_TOKENS = 4_096;

/**
 * The pieces of a decoded text in lower case, in one pass. White space and closed comments, by which filters are evaded
 * that look for spaces, separate and say nothing else; `--`, `#` and an open comment end what a database reads.
 */
export function sqlTokensOf(text: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let i = 0;
  while (i < text.length && tokens.length < MAX_TOKENS) {
    const c = text.charCodeAt(i);
    if (isSpace(c)) {
      i++;
      continue;
    }
    if (c === 47 && text.charCodeAt(i + 1) === 42) {
      const end = commentEnd(text, i);
      if (end < 0) {
        tokens.push(comment(text, i, '/*'));
        break;
      }
      i = end;
      continue;
    }
    if (c === 42 && text.charCodeAt(i + 1) === 47) {
      i += 2;
      continue;
    }
    const token = tokenAt(text, i);
    if (token.kind === 'comment') {
      const end = text.indexOf('\n', i);
      // Up to the end of its line, it is one more space: filters are evaded so.
      if (end >= 0) {
        i = end + 1;
        continue;
      }
      tokens.push(token);
      break;
    }
    tokens.push(token);
    i += token.text.length;
  }
  return tokens;
}

/**
 * Where to go on behind a comment: behind its end, or, of those whose content MySQL runs (which begin with an exclamation
 * mark and a version), where that content begins; -1 for one that is never closed.
 */
function commentEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 2) === 33) {
    let i = at + 3;
    while (isDigit(text.charCodeAt(i))) i++;
    return i;
  }
  const end = text.indexOf('*/', at + 2);
  return end < 0 ? -1 : end + 2;
}

function tokenAt(text: string, at: number): SqlToken {
  const c = text.charCodeAt(at);
  if (isDigit(c)) return numberAt(text, at);
  if (isWordChar(c) || c === 64) return wordAt(text, at);
  const character = text[at]!;
  switch (character) {
    case "'":
    case '"':
      return { kind: 'quote', text: character, at };
    case '-':
      return text.charCodeAt(at + 1) === 45
        ? comment(text, at, '--')
        : { kind: 'sign', text: '-', at };
    case '#':
      return comment(text, at, '#');
    case '=':
    case '<':
    case '>':
      return { kind: 'compare', text: character, at };
    case '!':
      return text.charCodeAt(at + 1) === 61
        ? { kind: 'compare', text: '!=', at }
        : { kind: 'sign', text: '!', at };
    case '|':
    case '&':
      return text[at + 1] === character
        ? { kind: 'sign', text: character + character, at }
        : { kind: 'sign', text: character, at };
    default:
      return { kind: 'sign', text: character, at };
  }
}

/** A comment by its mark, with an ellipsis where anything but signs follows: people write dashes, too. */
function comment(text: string, at: number, mark: string): SqlToken {
  let i = at + mark.length;
  while (isSpace(text.charCodeAt(i)) || text.charCodeAt(i) === 45) i++;
  return { kind: 'comment', text: i === text.length ? mark : `${mark}...`, at };
}

/** A number with its fraction, or, of MySQL, one of hexadecimal digits; what goes on with letters is a word. */
function numberAt(text: string, at: number): SqlToken {
  let end = skipDigits(text, at);
  if (text.charCodeAt(end) === 46 && isDigit(text.charCodeAt(end + 1))) {
    end = skipDigits(text, end + 1);
  } else if (text.startsWith('0x', at)) {
    end = at + 2;
    while (isHexDigit(text.charCodeAt(end))) end++;
  }
  return isWordChar(text.charCodeAt(end))
    ? wordAt(text, at)
    : { kind: 'number', text: text.slice(at, end), at };
}

function skipDigits(text: string, at: number): number {
  let i = at;
  while (isDigit(text.charCodeAt(i))) i++;
  return i;
}

function isHexDigit(c: number): boolean {
  return isDigit(c) || (c >= 97 && c <= 102);
}

function wordAt(text: string, at: number): SqlToken {
  let end = at + 1;
  while (isNameChar(text.charCodeAt(end))) end++;
  const word = text.slice(at, end);
  return { kind: COMPARISONS.has(word) ? 'compare' : 'word', text: word, at };
}

/** Names go on with `@` and `$` as well. */
function isNameChar(c: number): boolean {
  return isWordChar(c) || c === 64 || c === 36;
}

/** The text of a token; empty behind the last. */
export function textAt(tokens: readonly SqlToken[], at: number): string {
  return tokens[at]?.text ?? '';
}

/** The first place at or behind `at` that has not this sign; 32 of them are skipped at most. */
export function skipSigns(tokens: readonly SqlToken[], at: number, sign: string): number {
  let i = at;
  while (i - at < 32 && textAt(tokens, i) === sign) i++;
  return i;
}

/** Behind `=`, `<>`, `like` and the like. */
export function skipComparison(tokens: readonly SqlToken[], at: number): number {
  let i = at;
  while (i - at < 3 && tokens[i]?.kind === 'compare') i++;
  return i;
}
