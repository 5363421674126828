import { importBuilt } from './built.mjs';

const { replayMain } = await importBuilt('demo/replay/replay.js');
// Not by running out of work: standard input may still be open.
process.exit(await replayMain(process.argv.slice(2)));
