/** What hosts can see of the package. */
export interface ApiReport {
  /** Every exported symbol with its declaration, in the order of their names. */
  readonly text: string;
  /** The types that the declarations mention and `src/index.ts` does not export. */
  readonly forgotten: readonly string[];
}

/** Where the report is checked in, from the checkout's root. */
export const API_REPORT: string;

/**
 * Makes the report of the sources of a checkout.
 *
 * @param folder an empty one, which it works in.
 * @throws Error where the declarations do not compile in a host that looks into its libraries: one mentions what was
 * hidden from it.
 */
export function makeApiReport(checkout: string, folder: string): ApiReport;
