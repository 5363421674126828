import { Command } from 'nest-commander';
import { IpRuleService } from '../index.js';
import { author } from './author.js';
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

  override async run([network = '']: string[], options: RuleOptions): Promise<void> {
    const rule = await this.rules.block(network, {
      reason: options.reason,
      forMs: options.for,
      source: 'cli',
      createdBy: author(),
    });
    this.say(confirmation('blocked', rule));
  }
}
