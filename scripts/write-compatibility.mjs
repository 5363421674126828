// Writes the tables of docs/compatibility.md: npm run compatibility, after RECORD=1 npm run test:hosts and the like.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { compatibilityPage, PAGE } from './compatibility.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const text = await format(compatibilityPage(checkout), { parser: 'markdown', printWidth: 100 });
writeFileSync(join(checkout, PAGE), text);
process.stdout.write(`Wrote ${PAGE}.\n`);
