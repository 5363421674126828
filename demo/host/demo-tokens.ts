import { createHmac, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';

const USERS = new Map([['demo', 'demo']]);
const LIFETIME_MS = 60 * 60 * 1_000;

/** Tokens of the demo's one user, signed with a key that lives as long as the process. A real host brings its own. */
@Injectable()
export class DemoTokens {
  private readonly key = randomBytes(32);
  private readonly salt = randomBytes(16);
  private readonly passwords = new Map(
    [...USERS].map(([username, password]) => [username, this.hash(password)]),
  );

  /** A token for the right password, else null. */
  issue(username: string, password: string): string | null {
    const expected = this.passwords.get(username);
    const given = this.hash(password);
    if (expected === undefined || !timingSafeEqual(expected, given)) return null;
    const payload = JSON.stringify({ sub: username, exp: Date.now() + LIFETIME_MS });
    const text = Buffer.from(payload).toString('base64url');
    return `${text}.${this.sign(text)}`;
  }

  /** The user of a token, or null where it was not issued here or has run out. */
  verify(token: string): { id: string } | null {
    const [text = '', signature = ''] = token.split('.');
    const expected = Buffer.from(this.sign(text));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null;
    const { sub, exp } = JSON.parse(Buffer.from(text, 'base64url').toString()) as {
      sub: string;
      exp: number;
    };
    return exp > Date.now() ? { id: sub } : null;
  }

  private sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64url');
  }

  private hash(password: string): Buffer {
    return scryptSync(password, this.salt, 32, { N: 1_024 });
  }
}
