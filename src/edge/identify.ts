import { leaveUnawaited } from './host-hook.js';

/**
 * Tells who is asking: the user's id, or null while that is not known. It is given the request as the host's handlers
 * see it, which a host may declare as the type that it has there; must not block, and is asked again after the host's
 * guards have run.
 */
export type Identify = {
  // As a method, because of a method a host may narrow the parameter: `(request: Request) => ...`.
  identify(request: unknown): string | number | null | undefined;
}['identify'];

interface Request {
  user?: Record<string, unknown> | null;
  /** Node's own, behind Fastify's: there Nest's middleware puts what it finds out. */
  raw?: { user?: Record<string, unknown> | null };
}

/**
 * Reads the first of these keys that `request.user` has, where passport and most guards put it.
 *
 * @param keys such as `['id', 'sub']`.
 */
export function identifyByUserKeys(keys: readonly string[]): Identify {
  return (request) => {
    const known = (request as Request).user ?? behind(request as Request)?.user;
    if (typeof known !== 'object' || known === null) return null;
    for (const key of keys) {
      const id = known[key];
      if (typeof id === 'string' || typeof id === 'number') return id;
    }
    return null;
  };
}

/** Only Fastify has one: to look for what is not there, along all of Express' prototypes, is dear. */
function behind(request: Request): Request['raw'] {
  return Object.hasOwn(request, 'raw') ? request.raw : undefined;
}

/**
 * As text; null for nobody, and where the host's function throws: an error of its own must not become the client's.
 * What is no id is nobody's either: as texts all objects, and all promises, would be one user, and share their limit.
 */
export function identifySafely(identify: Identify, request: unknown): string | null {
  try {
    const id: unknown = identify(request);
    leaveUnawaited(id);
    if (typeof id === 'string') return id === '' ? null : id;
    return (typeof id === 'number' && !Number.isNaN(id)) || typeof id === 'bigint'
      ? String(id)
      : null;
  } catch {
    return null;
  }
}
