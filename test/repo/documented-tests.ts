import { codeBlocksOf } from './markdown.js';

const PAGE = 'docs/testing.md';
/** What a host with jest leaves out. */
const FROM_VITEST = /^import \{.*\} from 'vitest';\n/m;

/** The test files that the page about tests shows, by a name for each: as they stand, or as a host with jest has them. */
export function documentedTests(runner: 'vitest' | 'jest'): Record<string, string> {
  const tests = codeBlocksOf(PAGE).filter(({ code }) => FROM_VITEST.test(code));
  return Object.fromEntries(
    tests.map(({ code, line }) => [
      `line-${line}.spec.ts`,
      runner === 'vitest' ? code : code.replace(FROM_VITEST, ''),
    ]),
  );
}
