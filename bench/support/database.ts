import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedPostgres } from '../../demo/postgres/embedded-postgres.js';
import { migrateDatabase } from '../../src/index.js';

/**
 * A migrated PostgreSQL for one benchmark, with fsync on; it and its data go when the benchmark ends.
 *
 * @param settings of the server; a server that is made for the log has more memory than the demo's 64 MB.
 */
export async function openBenchDatabase(
  settings: Readonly<Record<string, string>> = {},
): Promise<{ url: string; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'ipt-bench-'));
  // PostgreSQL may run as another user, who has to get in.
  await chmod(folder, 0o755);
  const server = await openEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    fallbackDir: folder,
    settings,
  });
  await migrateDatabase({ url: server.url });
  return {
    url: server.url,
    close: async () => {
      await server.stop('fast');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
