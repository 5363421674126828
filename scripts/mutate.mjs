// Looks whether the tests notice what is changed in the sources.
//   npm run mutate                        all of it; takes hours
//   npm run mutate -- hurting [name ...]  the patches of test/mutants/hurting, or those with such a name
//   npm run mutate -- pure [folder ...]   Stryker on the pure folders of test/mutants/pure.json, or on these
// --trust does not run the tests of hurting mutants as they are first.
import { fileURLToPath } from 'node:url';
import { judgeMutants, readMutants } from './hurting-mutants.mjs';
import { judgeFolders } from './pure-mutants.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2).filter((arg) => arg !== '--trust');
const isTrusted = process.argv.includes('--trust');
const [what, ...names] = args;

async function hurting() {
  const mutants = readMutants(checkout, names);
  if (mutants.length === 0) throw new Error(`no patch is named like ${names.join(', ')}`);
  return judgeMutants(checkout, mutants, { isTrusted });
}

const judges = { hurting: [hurting], pure: [() => judgeFolders(checkout, names)] };
const chosen = what === undefined ? [...judges.pure, ...judges.hurting] : judges[what];
if (chosen === undefined) throw new Error(`npm run mutate -- ${what}: write hurting or pure`);
for (const judge of chosen) {
  if ((await judge()) > 0) process.exitCode = 1;
}
