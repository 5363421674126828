// Makes the judge's command line one file: dist/src/cli/judge/judge-program.js. Its many sources would take longer to load
// than a small log takes to be judged. The packages that it needs stay outside.
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));

// From the sources: what was compiled may be the bundle of an earlier build.
await bundle({
  entryPoints: ['src/cli/judge/judge-program.ts'],
  outfile: 'dist/src/cli/judge/judge-program.js',
  absWorkingDir: checkout,
  packages: 'external',
  sourcemap: 'linked',
});
