import { userInfo } from 'node:os';

/** Who runs the command, for the rule's `createdBy`. */
export function author(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A user id without an entry in the password file, as containers have them.
    return `cli:uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Where whoever runs the command comes from: the client's end of the SSH connection; undefined at the machine itself. */
export function caller(): string | undefined {
  const connection = process.env['SSH_CONNECTION'] || process.env['SSH_CLIENT'];
  // A link-local client carries the zone of the interface, which is no part of the address.
  return connection?.split(' ', 1)[0]?.split('%', 1)[0] || undefined;
}
