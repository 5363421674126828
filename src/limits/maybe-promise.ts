/** What a store in this process gives at once, and one elsewhere later. */
export type MaybePromise<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, since each promise costs a request some microseconds. */
export function after<T, R>(
  value: MaybePromise<T>,
  goOn: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
