import { Command } from './nest-commander.js';
import { PrivacyService } from '../index.js';
import { OperatorCommand } from './operator-command.js';

@Command({
  name: 'erase-ip',
  arguments: '<address>',
  argsDescription: { address: 'one address; hashes of it are found with IP_TRACKING_PRIVACY_KEY' },
  description:
    'delete what the request log and the findings hold of an address, and what is on its way there',
})
export class EraseIpCommand extends OperatorCommand {
  constructor(private readonly privacy: PrivacyService) {
    super();
  }

  override async run([address = '']: string[]): Promise<void> {
    const erased = await this.privacy.eraseAddress(address);
    this.say(
      `erased ${erased.ipAddress}: ${count(erased.requests, 'request')}, ${count(erased.findings, 'finding')}`,
    );
    if (erased.spooled > 0) this.say(`${count(erased.spooled, 'record')} on the way to the log`);
    if (erased.keptRules > 0) {
      this.say(
        `${count(erased.keptRules, 'rule')} for it stay: remove them with unblock-ip or disallow-ip`,
      );
    }
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}
