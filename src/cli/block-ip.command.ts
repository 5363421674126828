import { Command, Option } from 'nest-commander';
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
    description: 'block even a very wide network, yourself, or a trusted proxy',
  })
  parseForce(): boolean {
    return true;
  }

  override async run(
    [network = '']: string[],
    options: RuleOptions & { force?: boolean },
  ): Promise<void> {
    const rule = await this.rules.block(network, {
      reason: options.reason,
      forMs: options.for,
      source: 'cli',
      createdBy: author(),
      caller: caller(),
      force: options.force ?? false,
    });
    this.say(confirmation('blocked', rule));
  }
}
