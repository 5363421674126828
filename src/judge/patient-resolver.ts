import type { NameResolver } from '../detection/crawlers/crawler-check.js';
import type { IpAddress } from '../net/ip-address.js';

/** So many questions are waited for in vain: half a minute, where each is waited for three seconds. */
const MAX_IN_VAIN = 10;
/** Whoever refuses within this time costs nobody any. */
const SOON_MS = 500;

/**
 * A resolver that is asked no more once it has left enough questions open: whoever judges a log would wait three seconds
 * for each of thousands of clients, one after the other.
 */
export class PatientResolver implements NameResolver {
  private inVain = 0;

  /** @param now milliseconds of a clock that only moves forward. */
  constructor(
    private readonly resolver: NameResolver,
    private readonly now: () => number,
  ) {}

  /** Whether questions are answered with a rejection, unasked. */
  get hasGivenUp(): boolean {
    return this.inVain >= MAX_IN_VAIN;
  }

  reverse(ip: IpAddress): Promise<string[]> {
    return this.asked(() => this.resolver.reverse(ip));
  }

  forward(name: string, family: 4 | 6): Promise<string[]> {
    return this.asked(() => this.resolver.forward(name, family));
  }

  private async asked(question: () => Promise<string[]>): Promise<string[]> {
    if (this.hasGivenUp) throw new Error('DNS did not answer');
    const askedMs = this.now();
    this.inVain += 1;
    try {
      const answer = await question();
      this.inVain -= 1;
      return answer;
    } catch (error) {
      if (this.now() - askedMs < SOON_MS) this.inVain -= 1;
      throw error;
    }
  }
}
