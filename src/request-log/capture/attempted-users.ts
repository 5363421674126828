import { createHmac } from 'node:crypto';

/** Of a hash of 256 bits as many bytes are kept: nobody finds two users with one of 128. */
const KEPT_BYTES = 16;

/**
 * Names whom credentials were for by a keyed hash: enough to tell whether the same user failed and then succeeded, and
 * nothing that could be read. The key is the host's own `privacy.key`; without one it is made of the id of the
 * database's installation, so that all processes have the same, and whoever has the database can try names.
 */
export class AttemptedUsers {
  private key: Buffer | null;
  private learning: Promise<void> | null = null;

  /**
   * @param secret the host's; null for none.
   * @param learn asks the database for what stands for it.
   */
  constructor(
    secret: string | null,
    private readonly learn: () => Promise<string>,
  ) {
    this.key = secret === null ? null : keyOf(secret);
  }

  /** Learns the key, unless it is known. */
  async ready(): Promise<void> {
    if (this.key !== null) return;
    this.learning ??= this.ask();
    await this.learning;
  }

  private async ask(): Promise<void> {
    try {
      this.key = keyOf(await this.learn());
    } finally {
      this.learning = null;
    }
  }

  /** The hash of a user; null while no key is known: then nobody can say whose attempt it was. */
  of(user: string): string | null {
    if (this.key === null) return null;
    const hash = createHmac('sha256', this.key).update(user.toWellFormed()).digest();
    return hash.subarray(0, KEPT_BYTES).toString('base64url');
  }
}

function keyOf(secret: string): Buffer {
  return createHmac('sha256', secret).update('nestjs-ip-tracking attempted user').digest();
}
