/**
 * Tells who is asking: the user's id, or null while that is not known. It is given the request as the host's handlers
 * see it, must not block, and is asked again after the host's guards have run.
 */
export type Identify = (request: unknown) => string | number | null | undefined;

/** The id of `request.user`, where passport and most guards put it: its `id`, else its `sub`. */
export const identifyByRequestUser: Identify = (request) => {
  const { user } = request as { user?: { id?: unknown; sub?: unknown } | null };
  const id = user?.id ?? user?.sub;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
};

/**
 * As text; null for nobody, and where the host's function throws: an error of its own must not become the client's.
 * What is no id is nobody's either: as texts all objects, and all promises, would be one user, and share his limit.
 */
export function identifySafely(identify: Identify, request: unknown): string | null {
  try {
    const id: unknown = identify(request);
    if (typeof id === 'string') return id === '' ? null : id;
    return (typeof id === 'number' && !Number.isNaN(id)) || typeof id === 'bigint'
      ? String(id)
      : null;
  } catch {
    return null;
  }
}
