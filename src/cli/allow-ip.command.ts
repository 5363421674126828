import { Command } from './nest-commander.js';
import { IpRuleService } from '../index.js';
import { author } from './author.js';
import { confirmation, RuleCommand, type RuleOptions } from './rule-options.js';

@Command({
  name: 'allow-ip',
  arguments: '<network>',
  argsDescription: { network: 'an address or a CIDR, IPv4 or IPv6' },
  description: 'let an address or network in, whatever blocks it',
})
export class AllowIpCommand extends RuleCommand {
  constructor(private readonly rules: IpRuleService) {
    super();
  }

  override async run([network = '']: string[], options: RuleOptions): Promise<void> {
    const rule = await this.rules.allow(network, {
      reason: options.reason,
      forMs: options.for,
      source: 'cli',
      createdBy: author(),
    });
    this.say(confirmation('allowed', rule));
  }
}
