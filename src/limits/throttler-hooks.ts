/** What a subclass may override, of the guard of @nestjs/throttler, and is asked. */
const THROTTLER_HOOKS = [
  'getTracker',
  'generateKey',
  'throwThrottlingException',
  'shouldSkip',
  'getErrorMessage',
  'handleRequest',
] as const;
export type ThrottlerHook = (typeof THROTTLER_HOOKS)[number];

/** The hooks in which a guard differs from the one that it extends. */
export function overriddenHooks(guard: object, base: object): ReadonlySet<ThrottlerHook> {
  const hookOf = (of: object, hook: ThrottlerHook): unknown => Reflect.get(of, hook);
  return new Set(THROTTLER_HOOKS.filter((hook) => hookOf(guard, hook) !== hookOf(base, hook)));
}
