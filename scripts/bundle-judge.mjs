// Makes the judge's command line one file: dist/src/cli/judge/judge-program.js. Its many sources would take longer to load
// than a small log takes to be judged. The packages that it needs stay outside.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const checkout = fileURLToPath(new URL('..', import.meta.url));

// From the sources: what was compiled may be the bundle of an earlier build.
await build({
  entryPoints: ['src/cli/judge/judge-program.ts'],
  outfile: 'dist/src/cli/judge/judge-program.js',
  absWorkingDir: checkout,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: 'linked',
  logLevel: 'error',
});
