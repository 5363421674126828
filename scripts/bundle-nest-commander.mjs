// Puts nest-commander into the compiled command line, so that hosts do not install it with all that it brings:
// dist/src/cli/nest-commander.js becomes one file, with the licences of what is in it beside it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const entry = join(checkout, 'src/cli/nest-commander.ts');
const outfile = join(checkout, 'dist/src/cli/nest-commander.js');

/** Prompts, configuration files of plugins and completion for fig: nothing of them is used here. */
const UNUSED = /^(inquirer|cosmiconfig|@fig\/complete-commander)$/;

const { metafile } = await bundle({
  entryPoints: [entry],
  outfile,
  absWorkingDir: checkout,
  metafile: true,
  external: ['@nestjs/*', 'reflect-metadata', 'rxjs'],
  plugins: [
    {
      name: 'leave-out-what-is-not-used',
      setup({ onLoad, onResolve }) {
        onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }));
        onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
      },
    },
  ],
});

const folders = new Set(
  Object.keys(metafile.inputs)
    .map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
    .filter((folder) => folder !== undefined),
);
const notices = [...folders].sort().map((folder) => {
  const { name, version, license } = JSON.parse(
    readFileSync(join(checkout, folder, 'package.json'), 'utf8'),
  );
  const file = readdirSync(join(checkout, folder)).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? '' : readFileSync(join(checkout, folder, file), 'utf8').trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
});
writeFileSync(
  join(dirname(outfile), 'nest-commander.LICENSES.txt'),
  `${relative(checkout, entry)} is bundled with these packages.\n\n${notices.join(`\n${'-'.repeat(80)}\n\n`)}`,
);
