import { Command, Option } from './nest-commander.js';
import { IpRuleService } from '../index.js';
import { moment, table } from './table.js';
import { OperatorCommand } from './operator-command.js';

@Command({ name: 'list-rules', description: 'list the rules that act' })
export class ListRulesCommand extends OperatorCommand {
  constructor(private readonly rules: IpRuleService) {
    super();
  }

  @Option({ flags: '--all', description: 'list the expired ones too' })
  parseAll(): boolean {
    return true;
  }

  override async run(_: string[], options: { all?: boolean }): Promise<void> {
    const rules = await this.rules.list({ includeExpired: options.all ?? false });
    if (rules.length === 0) {
      this.say('There are no rules.');
      return;
    }
    this.say(
      table(
        ['action', 'network', 'expires', 'source', 'by', 'reason'],
        rules.map((rule) => [
          rule.action,
          rule.network,
          moment(rule.expiresAt),
          rule.source,
          rule.createdBy ?? '',
          rule.reason ?? '',
        ]),
      ),
    );
  }
}
