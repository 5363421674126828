/** What has become of a ban: one entry of the audit. */
export interface BanEvent {
  readonly id: number;
  readonly happenedAt: Date;
  /**
   * `ban`: it began, be it a block or a limit; `prolongation`: a limit goes on for longer; `expiry`: it was over; `pardon`:
   * somebody ended it; `softened`: less was done than could have been; `refused`: it was not made.
   */
  readonly event: 'ban' | 'prolongation' | 'expiry' | 'pardon' | 'softened' | 'refused';
  readonly action: 'block' | 'limit' | null;
  /** Tells bans apart; all entries of one have the same. */
  readonly banId: string | null;
  /** Null where its address is not stored, or was erased. */
  readonly network: string | null;
  /** The client as findings have it. */
  readonly subject: string | null;
  readonly detector: string | null;
  readonly findingId: number | null;
  readonly ruleId: number | null;
  /** Why, for programs. */
  readonly code: string | null;
  /** Why, for people. */
  readonly reason: string | null;
  readonly endsAt: Date | null;
  /** `detection`, or who has ended it. */
  readonly actor: string;
  /** For how many clients the entry stands: where there are too many for one each, one stands for the rest. */
  readonly clients: number;
}

/** An event that is to be noted: of a ban, or of one that was not made. */
export interface NewBanEvent {
  readonly event: BanEvent['event'];
  readonly action?: 'block' | 'limit' | null;
  readonly banId?: string | null;
  readonly network?: string | null;
  readonly subject?: string | null;
  readonly detector?: string | null;
  readonly findingId?: number | null;
  readonly ruleId?: number | null;
  readonly code?: string | null;
  readonly reason?: string | null;
  /** How long what began lasts from now, in milliseconds. */
  readonly forMs?: number | null;
  readonly actor: string;
  readonly clients?: number;
}
