/**
 * What the demo tells whoever started it: one whole sentence that says what to do. It is printed as it stands, without a
 * stack; `detail` is at most one more line, as another program printed it.
 */
export class DemoError extends Error {
  override readonly name = 'DemoError';

  constructor(
    message: string,
    readonly detail?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What to print of any error: a {@link DemoError} in its own words, everything else with its stack. */
export function describeDemoError(error: unknown): string {
  if (error instanceof DemoError) {
    return error.detail ? `${error.message}\n${error.detail}` : error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
