/**
 * Takes the promise that a host's function gives where none is expected: nobody will wait for it, and if it rejects, that
 * must not end the process.
 */
export function leaveUnawaited(given: unknown): void {
  if (given instanceof Promise) given.catch(() => undefined);
}
