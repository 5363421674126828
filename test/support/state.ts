import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The paths below a folder for state whose names match, whichever database they belong to. */
export function stateFiles(stateDir: string, name: RegExp): string[] {
  return readdirSync(stateDir, { recursive: true, encoding: 'utf8' })
    .filter((path) => name.test(path))
    .map((path) => join(stateDir, path));
}

/** Makes every load of the rules on disk one that cannot be read. */
export function damageRules(stateDir: string): void {
  const paths = stateFiles(stateDir, /\/rules-[^/]+\.txt$/);
  if (paths.length === 0) throw new Error(`there are no rules in ${stateDir}`);
  for (const path of paths) writeFileSync(path, 'not what was written');
}
