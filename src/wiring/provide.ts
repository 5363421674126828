import { Logger, type FactoryProvider } from '@nestjs/common';

/** What this module says on the host's log. */
export const logger = new Logger('IpTracking');

/** Declares how one part is made of others. */
export function provide(
  token: FactoryProvider['provide'],
  inject: NonNullable<FactoryProvider['inject']>,
  useFactory: FactoryProvider['useFactory'],
): FactoryProvider {
  return { provide: token, inject, useFactory };
}

/** Epoch milliseconds, for what is stored. */
export const wallClock = (): number => Date.now();

/** Milliseconds that only move forward, for what is measured. */
export const steadyClock = (): number => performance.now();

/** An error as one line of the log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
