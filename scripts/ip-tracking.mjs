// The command line on the database of the demo that runs from this checkout, found without any configuration.
import { fileURLToPath } from 'node:url';
import { importBuilt } from './built.mjs';

const args = process.argv.slice(2);
const asksForHelp =
  args.length === 0 ||
  args[0] === 'help' ||
  args.some((arg) => /^(-h|--help|-V|--version)$/.test(arg));

if (!process.env.IP_TRACKING_DATABASE_URL && !process.env.DATABASE_URL && !asksForHelp) {
  const { runningDemo } = await importBuilt('demo/demo-state.js');
  const demo = runningDemo(fileURLToPath(new URL('..', import.meta.url)));
  if (!demo) {
    process.stderr.write(
      'The demo is not running: run "npm start" in another shell, or set IP_TRACKING_DATABASE_URL.\n',
    );
    process.exit(1);
  }
  process.env.IP_TRACKING_DATABASE_URL = demo.databaseUrl;
}

await importBuilt('src/cli/main.js');
