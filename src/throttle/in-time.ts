/**
 * What `answer` comes to, or null if that takes longer than `timeoutMs`. In a race with a promise of a timeout, each
 * command in Redis would take some microseconds longer.
 */
export function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T | null> {
  return new Promise((resolve, reject) => {
    // After a pause of this process timers run before sockets are read, so the answer may have come in time. It is read
    // before `setImmediate` runs.
    const timer = setTimeout(() => setImmediate(resolve, null), timeoutMs);
    answer.then(
      (value) => {
        clearTimeout(timer);
        return resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
