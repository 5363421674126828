import { existsSync } from 'node:fs';

/** Loads a compiled module, or ends the process with a sentence where nothing was compiled yet. */
export async function importBuilt(path) {
  const url = new URL(`../dist/${path}`, import.meta.url);
  if (!existsSync(url)) {
    process.stderr.write('Nothing is built yet: run "npm start", or "npm run build".\n');
    process.exit(1);
  }
  return import(url.href);
}
