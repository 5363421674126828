import { ownCopy } from './own-copy.js';
import { payloadsOfHeader } from './payload-reader.js';
import type { ProbeIndex } from './probe-index.js';
import { SIGNALS } from './signal.js';

/** How much of a user agent is looked at. */
const MAX_LENGTH = 1_024;
/** How many agents are remembered, each in the one place that its length and some of its characters give it. */
const SLOTS = 512;
/** Longer ones are rare, and would make what is remembered heavy. */
const MAX_REMEMBERED = 384;

/**
 * What a user agent shows. The same few hundred come again and again, so what was found is remembered: at most 512 texts
 * of 384 characters, whatever is sent.
 */
export class AgentReader {
  private readonly texts = Array.from({ length: SLOTS }, () => '');
  private readonly bits = new Int32Array(SLOTS);

  constructor(private readonly index: ProbeIndex) {}

  read(agent: string): number {
    const { length } = agent;
    if (length === 0) return 0;
    if (length > MAX_REMEMBERED) return this.judge(agent.slice(0, MAX_LENGTH));
    // What sets agents apart stands in their middle and at their end: systems, versions, names.
    const slot =
      (length * 31 +
        agent.charCodeAt(length >> 1) * 7 +
        agent.charCodeAt((length * 3) >> 2) * 13 +
        agent.charCodeAt(length - 1) +
        agent.charCodeAt(length >> 2) * 3) %
      SLOTS;
    if (this.texts[slot] === agent) return this.bits[slot]!;
    const bits = this.judge(agent);
    this.texts[slot] = ownCopy(agent);
    this.bits[slot] = bits;
    return bits;
  }

  private judge(agent: string): number {
    let bits = payloadsOfHeader(agent);
    for (const { group } of this.index.findAgents(agent)) bits |= 1 << SIGNALS[`probe:${group}`];
    return bits;
  }
}
