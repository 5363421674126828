import type { ClientKey } from '../net/client-key.js';

const HOUR_MS = 3_600_000;
/** More agents of one client than this make no difference. */
const MAX_AGENTS = 8;
/** When so many clients are known, those go who have not loaded a page for an hour. */
const SWEEP_AT = 50_000;
const MAX_CLIENTS = 500_000;

interface Agent {
  readonly name: string;
  pageMs: number;
  assetMs: number;
}

/** Tells how many different user agents load pages, with what belongs to them, from one address: a crowd behind it. */
export class PageAgents {
  private readonly clients = new Map<ClientKey, Agent[]>();
  private sweepAt = SWEEP_AT;

  /** An agent was served a page, or a style, script or image. */
  note(key: ClientKey, agent: string, isAsset: boolean, atMs: number): void {
    let agents = this.clients.get(key);
    if (agents === undefined) {
      if (this.clients.size >= this.sweepAt) this.sweep(atMs);
      if (this.clients.size >= MAX_CLIENTS) return;
      agents = [];
      this.clients.set(key, agents);
    }
    let known = agents.find(({ name }) => name === agent);
    if (known === undefined) {
      if (agents.length >= MAX_AGENTS) agents.shift();
      known = { name: agent, pageMs: -Infinity, assetMs: -Infinity };
      agents.push(known);
    }
    if (isAsset) known.assetMs = atMs;
    else known.pageMs = atMs;
  }

  /** How many agents of a client have loaded both within the last hour. */
  of(key: ClientKey, nowMs: number): number {
    const agents = this.clients.get(key) ?? [];
    return agents.filter(({ pageMs, assetMs }) => Math.min(pageMs, assetMs) > nowMs - HOUR_MS)
      .length;
  }

  private sweep(nowMs: number): void {
    for (const [key, agents] of this.clients) {
      const lastMs = Math.max(...agents.map(({ pageMs, assetMs }) => Math.max(pageMs, assetMs)));
      if (lastMs <= nowMs - HOUR_MS) this.clients.delete(key);
    }
    this.sweepAt = Math.min(MAX_CLIENTS, Math.max(SWEEP_AT, 2 * this.clients.size));
  }
}
