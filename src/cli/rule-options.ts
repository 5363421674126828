import { Option } from './nest-commander.js';
import { parseDuration, type IpRule } from '../index.js';
import { moment } from './table.js';
import { OperatorCommand } from './operator-command.js';

/** What `block-ip` and `allow-ip` may be given besides the network. */
export interface RuleOptions {
  reason?: string;
  for?: number;
}

/** The options of the commands that make a rule. */
export abstract class RuleCommand extends OperatorCommand {
  @Option({ flags: '--reason <text>', description: 'why, for whoever reads the list later' })
  parseReason(text: string): string {
    return text;
  }

  @Option({
    flags: '--for <duration>',
    description: 'how long, such as 30m, 2h or 7d (default: for ever)',
  })
  parseFor(text: string): number {
    return parseDuration(text);
  }
}

/** One line that says what holds now. */
export function confirmation(verb: string, { network, expiresAt }: IpRule): string {
  return `${verb} ${network}${expiresAt === null ? '' : ` until ${moment(expiresAt)}`}`;
}
