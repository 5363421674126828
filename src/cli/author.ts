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
