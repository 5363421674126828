/** A mutant that nothing can tell from the source. */
export interface EquivalentMutant {
  readonly file: string;
  readonly original: string;
  readonly replacement: string;
  /** The whole line, where the text is in the file more than once. */
  readonly line?: string;
  readonly why: string;
}

/** The part of Stryker's report that is read. */
export interface MutationReport {
  readonly files: Record<
    string,
    {
      readonly source: string;
      readonly mutants: readonly {
        readonly location: {
          readonly start: { readonly line: number; readonly column: number };
          readonly end: { readonly line: number; readonly column: number };
        };
        readonly replacement: string;
        readonly status: string;
      }[];
    }
  >;
}

export function scoreOf(
  report: MutationReport,
  equivalent: readonly EquivalentMutant[],
): {
  killed: number;
  counted: number;
  listed: number;
  score: number;
  alive: { file: string; line: number; original: string; replacement: string }[];
  stale: EquivalentMutant[];
};
