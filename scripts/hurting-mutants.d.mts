/** A patch of test/mutants/hurting. */
export interface HurtingMutant {
  readonly name: string;
  readonly path: string;
  /** Whom it would hurt, and how. */
  readonly hurts: string;
  /** The test files of which one has to fail. */
  readonly specs: readonly string[];
}

export function readMutants(checkout: string, names?: readonly string[]): HurtingMutant[];

export function judgeMutants(
  checkout: string,
  mutants: readonly HurtingMutant[],
  options?: { isTrusted?: boolean; say?: (line: string) => void },
): Promise<number>;
