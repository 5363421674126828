/** Every code an {@link IpTrackingError} can carry; `docs/errors.md` lists what each means and how to mend it. */
export type IpTrackingErrorCode =
  | 'IPT_UNKNOWN_OPTION'
  | 'IPT_INVALID_OPTION'
  | 'IPT_INVALID_IP'
  | 'IPT_INVALID_PREFIX'
  | 'IPT_INVALID_COUNTRY'
  | 'IPT_INVALID_HOPS'
  | 'IPT_INVALID_HEADER'
  | 'IPT_NO_PROXIES'
  | 'IPT_TRUST_ALL_PROXIES'
  | 'IPT_UNKNOWN_PRESET'
  | 'IPT_RULE_TOO_WIDE'
  | 'IPT_RULE_COVERS_CALLER'
  | 'IPT_RULE_COVERS_PROXY'
  | 'IPT_RULE_COVERS_HOST'
  | 'IPT_RULE_COVERS_FORWARDER'
  | 'IPT_RULE_PROTECTED'
  | 'IPT_RULE_NOT_FOUND'
  | 'IPT_INVALID_DURATION'
  | 'IPT_DATABASE_UNAVAILABLE'
  | 'IPT_SCHEMA_MISSING'
  | 'IPT_DATABASE_FORBIDDEN'
  | 'IPT_MIGRATION_LOCKED'
  | 'IPT_POOLED_SESSION'
  | 'IPT_STATE_UNKNOWN'
  | 'IPT_STATE_NOT_FOUND'
  | 'IPT_STATE_UNRELATED'
  | 'IPT_LOG_BUSY'
  | 'IPT_LIMIT_STORE_UNAVAILABLE'
  | 'IPT_MODULE_MISSING'
  | 'IPT_IMPORTED_TWICE'
  | 'IPT_MISSING_PACKAGE'
  | 'IPT_GEO_FILE'
  | 'IPT_ACCESS_LOG'
  | 'IPT_PRIVACY_KEY';

/**
 * The one error this package throws at whoever configures or operates it. The message names the value that was given,
 * where it was given, and what to write instead; `code` is stable and is what programs should compare.
 */
export class IpTrackingError extends Error {
  override readonly name = 'IpTrackingError';

  constructor(
    readonly code: IpTrackingErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** An error as one line of a log. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
