import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** Closes every run with one line that programs can read: `N passed, N failed, N skipped`. */
export class SummaryReporter implements Reporter {
  constructor(
    private readonly write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  ) {}

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly SerializedError[] = [],
  ): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // What a run that was ended early has left over did not run either.
        count[state === 'pending' ? 'skipped' : state] += 1;
      }
      // A file that cannot be loaded, or a hook that fails, may leave no failed test behind.
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
    }
    if (modules.length === 0) count.failed += 1;
    this.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
