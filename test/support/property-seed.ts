import { randomInt } from 'node:crypto';
import type { Reporter, SerializedError, TestModule, TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** What this run's property tests draw from. */
    propertySeed: number;
  }
}

/**
 * Gives the run its seed and says which: a new one for each run, so that property tests look where they have not looked
 * yet, or what `SEED` names.
 */
export function provideSeed(
  project: TestProject,
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): void {
  const seed = readSeed(process.env['SEED']) ?? randomInt(2 ** 31);
  project.provide('propertySeed', seed);
  write(`Property tests draw from SEED=${seed}.`);
}

/** Throws where the text is no whole number from 0 to 2,147,483,647. */
export function readSeed(text: string | undefined): number | null {
  if (text === undefined || text === '') return null;
  const seed = Number(text);
  if (/^\d{1,10}$/.test(text) && seed < 2 ** 31) return seed;
  throw new Error(`SEED=${text} is not a whole number from 0 to ${2 ** 31 - 1}.`);
}

/** Says after a run that failed how to draw the same again. */
export class SeedReporter implements Reporter {
  constructor(
    private readonly write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  ) {}

  onTestRunEnd(
    modules: readonly TestModule[],
    _errors: readonly SerializedError[],
    reason: 'passed' | 'interrupted' | 'failed',
  ): void {
    const seed = modules[0]?.project.getProvidedContext().propertySeed;
    if (reason !== 'failed' || seed === undefined) return;
    this.write(`SEED=${seed} with the same command draws the same in property tests.`);
  }
}
