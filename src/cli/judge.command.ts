import { Command } from './nest-commander.js';
import { OperatorCommand } from './operator-command.js';

/** Stands in the list of commands; the judge itself has been started before this is loaded. */
@Command({
  name: 'judge',
  arguments: '<access.log...>',
  description: 'judge access logs: no database, no app, no set-up',
})
export class JudgeCommand extends OperatorCommand {
  override async run(paths: string[]): Promise<void> {
    // One file with all that it needs: no other command is to load it.
    const { runJudge } = await import('./judge/judge-program.js');
    process.exitCode = await runJudge(paths);
  }
}
