import { Command } from './nest-commander.js';
import { IpRuleService } from '../index.js';
import { author } from './author.js';
import { OperatorCommand } from './operator-command.js';

@Command({
  name: 'unblock-ip',
  arguments: '<network>',
  argsDescription: { network: 'the address or CIDR as it stands in list-rules' },
  description:
    'remove the block rules for exactly this address or network, and end every ban around or in it',
})
export class UnblockIpCommand extends OperatorCommand {
  constructor(private readonly rules: IpRuleService) {
    super();
  }

  override async run([network = '']: string[]): Promise<void> {
    const removed = await this.rules.unblock(network, { by: author() });
    const networks = new Set(removed.map((rule) => rule.network));
    this.say(
      networks.size === 0
        ? `pardoned ${network}: what it did before does not count any more`
        : `unblocked ${[...networks].join(', ')}`,
    );
  }
}
