/** What a detector found, as far as a response depends on it. An app's findings and a judged log's both have it. */
export interface ResponseFinding {
  /** Whom it is about: the address of a client, or its network, such as `203.0.113.7` or `2001:db8::/64`. */
  readonly subject: string;
  readonly detector: string;
  /** How much speaks against the subject: where not all can be banned, the highest go first. */
  readonly score: number;
  /**
   * Epoch milliseconds of the oldest evidence that the finding rests on. Not of the first finding ever: a detector that
   * counts begins anew at a pardon, or nothing after it would ever count.
   */
  readonly firstSeenMs: number;
  readonly evidence: FindingEvidence;
}

/** What the requests that a finding rests on have in common. */
export interface FindingEvidence {
  /** Every one of them was fetched by a browser for a page (`page-fetch`), of which anybody may have written the links. */
  readonly isPageFetch: boolean;
  /** Every one of them is a GET like that of an image, which any page can make a visitor's browser send. */
  readonly isImageLike: boolean;
  /** Something else speaks against the client as well, so that no page alone can have made it. */
  readonly hasSecondSignal: boolean;
  /** How many different paths were asked for. */
  readonly distinctPaths: number;
  /** It asked for what no crawler asks for: a secret (`probe:secrets`), a payload, an open proxy. */
  readonly isGrave: boolean;
}
