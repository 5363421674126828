import { Command, Option } from './nest-commander.js';
import { IpRuleService } from '../index.js';
import { author, caller } from './author.js';
import { confirmation, RuleCommand, type RuleOptions } from './rule-options.js';

@Command({
  name: 'block-ip',
  arguments: '<network>',
  argsDescription: { network: 'an address or a CIDR, IPv4 or IPv6' },
  description: 'refuse every request from an address or network',
})
export class BlockIpCommand extends RuleCommand {
  constructor(private readonly rules: IpRuleService) {
    super();
  }

  @Option({
    flags: '--force',
    description: "block even a very wide network, yourself, a proxy, or the app's own host",
  })
  parseForce(): boolean {
    return true;
  }

  override async run(
    [network = '']: string[],
    { reason, for: forMs, force = false }: RuleOptions & { force?: boolean },
  ): Promise<void> {
    const from = caller();
    const warnings: string[] = [];
    const rule = await this.rules.block(network, {
      reason,
      forMs,
      source: 'cli',
      createdBy: author(),
      caller: from,
      force,
      onWarning: (warning) => warnings.push(warning),
    });
    this.say(confirmation('blocked', rule));
    for (const warning of warnings) this.remark(warning);
    if (from === undefined && !force) {
      this.remark(
        'your own address is not known (no SSH_CONNECTION, which sudo drops), so nobody has checked that this does not block you',
      );
    }
  }
}
