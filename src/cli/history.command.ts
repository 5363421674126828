import { Command } from './nest-commander.js';
import { BanService } from '../index.js';
import { OperatorCommand } from './operator-command.js';
import { moment, table } from './table.js';

@Command({
  name: 'history',
  arguments: '<address>',
  argsDescription: { address: 'an address or a network' },
  description:
    'list the bans and limits of an address, how they ended, and those that were not made',
})
export class HistoryCommand extends OperatorCommand {
  constructor(private readonly bans: BanService) {
    super();
  }

  override async run([address = '']: string[]): Promise<void> {
    const events = await this.bans.history(address);
    if (events.length === 0) {
      this.say('Nothing is known of it.');
      return;
    }
    this.say(
      table(
        ['when', 'event', 'action', 'network', 'until', 'by', 'reason'],
        events.map(({ happenedAt, event, action, network, endsAt, actor, reason }) => [
          moment(happenedAt),
          event,
          action ?? '',
          network ?? '',
          endsAt === null ? '' : moment(endsAt),
          actor,
          reason ?? '',
        ]),
      ),
    );
  }
}
