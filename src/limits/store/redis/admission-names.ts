import { randomBytes } from 'node:crypto';

/** How long a name is; the script in Redis expects it. */
export const NAME_LENGTH = 12;

const DIGITS = 4;

/** Names admissions: 48 random bits that no other process has, and a number. */
export class AdmissionNames {
  private prefix = '';
  private left = 0;

  /** A name that nobody was given before. */
  next(): string {
    if (this.left === 0) {
      this.prefix = randomBytes(6).toString('base64url');
      this.left = 36 ** DIGITS;
    }
    this.left--;
    return this.prefix + this.left.toString(36).padStart(DIGITS, '0');
  }
}
