import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DemoError } from './demo-error.js';

const PACKAGE = 'nestjs-ip-tracking';

/** The checkout that the module in the folder `from` belongs to, compiled or not. */
export function findCheckout(from: string): string {
  let folder = from;
  for (;;) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && nameIn(manifest) === PACKAGE) return folder;
    const parent = dirname(folder);
    if (parent === folder) {
      throw new DemoError(`The demo runs from a checkout of ${PACKAGE}: clone it and start there.`);
    }
    folder = parent;
  }
}

function nameIn(manifest: string): unknown {
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}
