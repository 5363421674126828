/**
 * Takes the promise that a host's function gives where none is expected: nobody will wait for it, and if it rejects, that
 * must not end the process.
 */
export function leaveUnawaited(given: unknown): void {
  if (given instanceof Promise) given.catch(() => undefined);
}

/** Calls a host's function of which nothing is expected but that it calls back; it has failed if it throws or rejects. */
export function callHost(call: () => unknown, failed: () => void): void {
  try {
    const given = call();
    if (given instanceof Promise) given.catch(failed);
  } catch {
    failed();
  }
}

/** Tells a host's hook what has happened. What it does with the news must not become the client's problem. */
export function tellHost<News>(hook: ((news: News) => unknown) | null, news: News): void {
  if (hook === null) return;
  try {
    Promise.resolve(hook(news)).catch(() => undefined);
  } catch {
    // It is the host's.
  }
}
