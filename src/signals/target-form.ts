/**
 * The forms of a request's target (RFC 9112 section 3.2), and one that is none. Empty is what a server logs of a
 * connection over which nothing came, as browsers open them beforehand.
 */
export type TargetForm = 'origin' | 'absolute' | 'authority' | 'asterisk' | 'empty' | 'none';

const SLASH = 47;
const COLON = 58;
/** Longer than any scheme that is registered. */
const MAX_SCHEME = 32;

/** Tells a target's form by its first characters. */
export function formOf(method: string, target: string): TargetForm {
  if (target.charCodeAt(0) === SLASH) return 'origin';
  if (method === 'CONNECT') return target === '' ? 'none' : 'authority';
  if (target === '' || target === '-') return method === '' || method === '-' ? 'empty' : 'none';
  if (target === '*') return 'asterisk';
  return authorityStart(target) < 0 ? 'none' : 'absolute';
}

/** Where the authority of a target in absolute form begins; -1 where it has none. */
export function authorityStart(target: string): number {
  for (let i = 0; i < MAX_SCHEME; i++) {
    const c = target.charCodeAt(i);
    if (c === COLON) {
      const hasSlashes = target.charCodeAt(i + 1) === SLASH && target.charCodeAt(i + 2) === SLASH;
      return i > 0 && hasSlashes ? i + 3 : -1;
    }
    if (!isSchemeChar(c)) return -1;
  }
  return -1;
}

/** `ALPHA / DIGIT / "+" / "-" / "."` of RFC 3986 section 3.1. */
function isSchemeChar(c: number): boolean {
  const letter = c | 32;
  return (
    (letter >= 97 && letter <= 122) || (c >= 48 && c <= 57) || c === 43 || c === 45 || c === 46
  );
}

/** Where the path of a target in absolute form begins, from where its authority does. */
export function pathStart(target: string, authority: number): number {
  let i = authority;
  while (i < target.length && !'/?#\\'.includes(target[i]!)) i++;
  return i;
}
