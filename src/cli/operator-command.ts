import { CommandRunner } from './nest-commander.js';
import { printable } from './printable.js';

type Command = Parameters<CommandRunner['setCommand']>[0];

/** What all commands have in common. */
export abstract class OperatorCommand extends CommandRunner {
  /**
   * nest-commander hands its error handler to the root command alone, and commander's own exit code is 1. A second
   * address must not be passed over in silence: whoever typed it believes that it is blocked.
   */
  override setCommand(command: Command): this {
    command.allowExcessArguments(false);
    command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
    return super.setCommand(command);
  }

  /** Prints a line to standard output. */
  protected say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** Prints a line to standard error: what was asked for is done, and this is to be known about it. */
  protected remark(line: string): void {
    process.stderr.write(`ip-tracking: ${printable(line)}\n`);
  }
}
