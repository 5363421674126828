// Writes the report of the public interface, for a review of what a change does to hosts: npm run api:report
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_REPORT, makeApiReport } from './api-report.mjs';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'ipt-api-'));
try {
  const { text, forgotten } = makeApiReport(checkout, folder);
  mkdirSync(dirname(join(checkout, API_REPORT)), { recursive: true });
  writeFileSync(join(checkout, API_REPORT), text);
  process.stdout.write(`Wrote ${API_REPORT}.\n`);
  if (forgotten.length > 0) {
    process.stderr.write(
      `Mentioned and not exported: ${forgotten.join(', ')}. Export them, or hide what mentions them.\n`,
    );
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`The report could not be made: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
