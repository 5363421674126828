import { userInfo } from 'node:os';
import { parseIp } from '../index.js';

/** Who runs the command, for the rule's `createdBy`. */
export function author(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A user id without an entry in the password file, as containers have them.
    return `cli:uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Where whoever runs the command comes from: the client's end of the SSH connection; undefined where that is not known,
 * because there is none, `sudo` has dropped it, or OpenSSH itself has lost it and says `UNKNOWN`.
 */
export function caller(): string | undefined {
  const connection = process.env['SSH_CONNECTION'] || process.env['SSH_CLIENT'];
  // A link-local client carries the zone of the interface, which is no part of the address.
  const address = connection?.split(' ', 1)[0]?.split('%', 1)[0] ?? '';
  return parseIp(address)?.toString();
}
