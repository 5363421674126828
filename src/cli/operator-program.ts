import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandFactory } from './nest-commander.js';
import { CliModule } from './cli.module.js';
import { endWithReader } from './closed-pipe.js';
import { databaseUrl } from './database-url.js';
import { exitCodeOf, oneLine } from './cli-errors.js';
import { isSwitchedOff } from './switched-off.js';

/** The part of commander's error that is used here; commander is nest-commander's, not ours. */
interface CommanderError extends Error {
  exitCode: number;
}

/** Help, and which release this is, are told without a database. */
const NEEDS_NOTHING = /^(help|-h|--help|-V|--version)$/;

const HINT = 'run "ip-tracking --help" for the commands';

/** Ends the process: nothing that is still open, such as a pool on a dead server, may hold the terminal. */
export function fail(error: unknown): never {
  process.stderr.write(`ip-tracking: ${oneLine(error)}\n`);
  process.exit(exitCodeOf(error));
}

/** Runs a command on the module: with Nest, and nearly always with a database. */
export async function runOperatorProgram(): Promise<void> {
  process.on('unhandledRejection', fail);
  endWithReader([process.stdout, process.stderr], () => process.exit(0));
  if (process.argv.length === 2) process.argv.push('--help');
  const needsNothing = process.argv.slice(2).some((word) => NEEDS_NOTHING.test(word));
  if (!needsNothing && isSwitchedOff(process.env)) {
    fail(
      new Error(
        'the module is off here (IP_TRACKING_ENABLED is false), so nothing was asked and nothing was changed; set IP_TRACKING_ENABLED=true for this command if you mean it',
      ),
    );
  }
  if (!needsNothing) databaseUrl();
  await CommandFactory.run(CliModule, {
    logger: false,
    cliName: 'ip-tracking',
    version: versionOfPackage(),
    abortOnError: false,
    // Commander reports help as an error too; whatever else it reports it has printed itself.
    errorHandler: (error) => process.exit((error as CommanderError).exitCode === 0 ? 0 : 2),
    serviceErrorHandler: fail,
    helpConfiguration: {
      // Commander would name the program after this file.
      commandUsage: (command) =>
        ['ip-tracking', ...(command.parent === null ? [] : [command.name()]), command.usage()].join(
          ' ',
        ),
    },
    outputConfiguration: {
      outputError: (text, write) =>
        write(
          `ip-tracking: ${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')}; ${HINT}\n`,
        ),
    },
  });
}

function versionOfPackage(): string {
  const manifest = readFileSync(join(__dirname, '../../../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
