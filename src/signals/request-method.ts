import { isTokenChar } from '../net/forwarded-header.js';

/** The longest method that IANA has registered has 17 characters (`UPDATEREDIRECTREF`). */
const MAX_LENGTH = 32;

/** Methods of nearly all requests. */
const USUAL = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Whether a method is a token (RFC 9110 section 9.1), be it one that nobody has heard of, and no longer than any is. */
export function isMethod(method: string): boolean {
  if (USUAL.has(method)) return true;
  if (method.length === 0 || method.length > MAX_LENGTH) return false;
  for (let i = 0; i < method.length; i++) if (!isTokenChar(method.charCodeAt(i))) return false;
  return true;
}
