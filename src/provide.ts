import { Logger, type FactoryProvider } from '@nestjs/common';

declare const PROVIDED: unique symbol;

/** The token of something that is no class, and that knows what it stands for. */
export type Token<T> = symbol & { readonly [PROVIDED]?: T };

/** Makes a token; its name is what Nest shows where something is missing. */
export function token<T>(name: string): Token<T> {
  return Symbol(`nestjs-ip-tracking.${name}`);
}

type Provided<T> = Token<T> | (abstract new (...args: never[]) => T);

/** What Nest hands to a factory for these tokens, one by one. */
type Injected<Tokens extends readonly unknown[]> = {
  [At in keyof Tokens]: Tokens[At] extends Provided<infer T> ? T : never;
};

/**
 * Declares how one part is made of others. The compiler knows what the tokens stand for, so a factory that takes them in
 * another order, or makes something else, is no program.
 */
export function provide<T, const Tokens extends readonly Provided<unknown>[]>(
  provided: Provided<T>,
  inject: Tokens,
  useFactory: (...parts: Injected<Tokens>) => NoInfer<T> | Promise<NoInfer<T>>,
): FactoryProvider {
  return { provide: provided, inject: [...inject], useFactory } as FactoryProvider;
}

/** As {@link provide}, for what is made of many parts that it knows by name. */
export function provideNamed<T, Parts extends object>(
  provided: Provided<T>,
  tokens: { readonly [Name in keyof Parts]: Provided<Parts[Name]> },
  useFactory: (parts: Parts) => NoInfer<T>,
): FactoryProvider {
  const names = Object.keys(tokens);
  return {
    provide: provided,
    inject: Object.values<Provided<unknown>>(tokens),
    useFactory: (...parts: unknown[]) =>
      useFactory(Object.fromEntries(names.map((name, at) => [name, parts[at]])) as Parts),
  } as FactoryProvider;
}

/** What this module says on the host's log. */
export const logger = new Logger('IpTracking');

/** Epoch milliseconds, for what is stored. */
export const wallClock = (): number => Date.now();
/** The {@link wallClock}, but where a test brings its own. */
export const WALL_CLOCK = token<() => number>('wall-clock');

/** Milliseconds that only move forward, for what is measured. */
export const steadyClock = (): number => performance.now();
