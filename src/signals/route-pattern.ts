import { ownCopy } from './own-copy.js';

/** What a route's pattern says about the paths it takes. */
export interface RoutePattern {
  /** Its segments in lower case; null for one that takes any text, in part or whole. */
  readonly literals: readonly (string | null)[];
  /** It ends in a wildcard: whatever stands there, it takes. */
  readonly isWildcard: boolean;
  /** No segment of it is literal, or it ends in a wildcard: that it matched says nothing about the path. */
  readonly isCatchAll: boolean;
}

/** Of patterns, as many are kept read as any app has; an access log may bring more. */
const MAX_KEPT = 4_096;

/** Characters by which Express (4 and 5) and Fastify mark what is no literal text. */
const MARKS = /[:*()+?[\]|^$\\]/;

/** Reads a pattern as Express and Fastify write them: `/users/:id`, `/*`, `/*path`, `{*any}`, `(.*)`. */
export function parseRoutePattern(pattern: string): RoutePattern {
  // Braces say that a part may be missing (Express 5): where it is not, it is what it is.
  const segments = pattern
    .replace(/[{}]/g, '')
    // Fastify writes a literal colon twice.
    .replaceAll('::', '\0')
    .toLowerCase()
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.replace(/\?$/, ''));
  const literals = segments.map((segment) =>
    MARKS.test(segment) ? null : ownCopy(segment.replaceAll('\0', ':')),
  );
  const last = segments.at(-1) ?? '';
  const isWildcard = last.startsWith('*') || last.includes('(.*)') || last.endsWith(':splat*');
  return {
    literals,
    isWildcard,
    // The pattern of the root is the root, and no more.
    isCatchAll:
      isWildcard || (segments.length > 0 && literals.every((literal) => literal === null)),
  };
}

/** Reads each pattern once. */
export class RoutePatterns {
  private readonly kept = new Map<string, RoutePattern>();

  of(pattern: string): RoutePattern {
    let parsed = this.kept.get(pattern);
    if (parsed === undefined) {
      if (this.kept.size === MAX_KEPT) this.kept.clear();
      parsed = parseRoutePattern(pattern);
      this.kept.set(ownCopy(pattern), parsed);
    }
    return parsed;
  }
}
