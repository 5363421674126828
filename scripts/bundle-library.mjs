// Makes the library one file, dist/library/library.js, which takes a third less processor time to load than hundreds. The
// packages that it needs stay outside. `import` and `require`, the library and its testing module: all get the same file,
// so that each class, token and symbol is there once in a process. Types and the command line stay with their sources.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const folder = join(checkout, 'dist/library');
const require = createRequire(import.meta.url);
const entries = { index: '../src/index.js', testing: '../src/testing/entry.js' };

mkdirSync(folder, { recursive: true });
// Of what the compiler has made: esbuild does not write down the types of decorated classes.
await bundle({
  stdin: {
    contents: Object.entries(entries)
      .map(([name, path]) => `exports.${name} = () => require(${JSON.stringify(path)});`)
      .join('\n'),
    resolveDir: folder,
  },
  outfile: join(folder, 'library.js'),
  packages: 'external',
  sourcemap: 'linked',
});
for (const [name, path] of Object.entries(entries)) {
  const names = Object.keys(require(join(folder, path)));
  writeFileSync(
    join(folder, `${name}.js`),
    [
      `'use strict';`,
      `const { ${name} } = require('./library.js');`,
      `module.exports = ${name}();`,
      `// For \`import\`, which looks for names without running anything.`,
      `0 && (module.exports = { ${names.join(', ')} });`,
      '',
    ].join('\n'),
  );
  writeFileSync(join(folder, `${name}.mjs`), `export * from './${name}.js';\n`);
}
