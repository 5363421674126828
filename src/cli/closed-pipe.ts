/** The part of standard output and standard error that is used here. */
interface Output {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * Ends a command whose reader has enough, such as `head`: quietly, since nobody is there to be told. A command speaks
 * once it has done what it was to do, so nothing is left half done.
 *
 * @throws every other error of the output, where nobody else can take it.
 */
export function endWithReader(outputs: readonly Output[], end: () => void): void {
  for (const output of outputs) {
    output.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
      end();
    });
  }
}
