import { Command, Option } from './nest-commander.js';
import { RateLimitService } from '../index.js';
import { OperatorCommand } from './operator-command.js';
import { printable } from './printable.js';

@Command({
  name: 'reset-limits',
  arguments: '<client>',
  argsDescription: { client: 'an IP address, or user: and the id, such as user:42' },
  description: 'forget what was counted for a client, in every running app',
})
export class ResetLimitsCommand extends OperatorCommand {
  constructor(private readonly limits: RateLimitService) {
    super();
  }

  @Option({ flags: '--name <name>', description: 'one limit only, by its name' })
  name(name: string): string {
    return name;
  }

  override async run([client = '']: string[], { name }: { name?: string }): Promise<void> {
    const { processes } = await this.limits.resetLimits(client, name);
    if (processes === 0) {
      throw new Error(
        'no running app listens to this database, so nobody was told: is it the one that the app uses?',
      );
    }
    this.say(
      `reset the limits of ${printable(client)}: told ${processes} ${processes === 1 ? 'app' : 'apps'}`,
    );
  }
}
