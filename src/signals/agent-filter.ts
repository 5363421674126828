import { FOLD } from './decoding.js';

/** How many characters are compared at once: they fill an integer. */
const WIDTH = 4;

/**
 * Says of a user agent, in one pass over its characters, that none of some texts is a part of it: the first four
 * characters of none of them are.
 */
export class AgentFilter {
  private readonly starts = new Uint8Array(4_096);

  /** @param texts in lower case, of {@link WIDTH} characters or more. */
  constructor(texts: readonly string[]) {
    for (const text of texts) {
      let window = 0;
      for (let i = 0; i < WIDTH; i++) window = next(window, text.charCodeAt(i));
      this.starts[place(window)] = 1;
    }
  }

  /** Whether one of the texts may be a part of an agent. */
  mayMeet(agent: string): boolean {
    let window = 0;
    for (let i = 0; i < agent.length; i++) {
      window = next(window, agent.charCodeAt(i));
      if (this.starts[place(window)] === 1) return true;
    }
    return false;
  }
}

/** The last characters, one further. */
function next(window: number, c: number): number {
  return (window << 8) | (c < 128 ? FOLD[c]! : c & 255);
}

function place(window: number): number {
  return Math.imul(window, 0x9e3779b1) >>> 20;
}
