import { Command } from './nest-commander.js';
import { IpRuleService } from '../index.js';
import { author } from './author.js';
import { OperatorCommand } from './operator-command.js';

@Command({
  name: 'unblock-ip',
  arguments: '<network>',
  argsDescription: { network: 'the address or CIDR as it stands in list-rules' },
  description: 'remove the block rules for exactly this address or network',
})
export class UnblockIpCommand extends OperatorCommand {
  constructor(private readonly rules: IpRuleService) {
    super();
  }

  override async run([network = '']: string[]): Promise<void> {
    const [removed] = await this.rules.unblock(network, { by: author() });
    this.say(`unblocked ${removed?.network ?? network}`);
  }
}
