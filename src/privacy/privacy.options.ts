/** How a client's address is stored: whole, without its last bits, as a keyed hash, or not at all. */
export type AddressMode = 'full' | 'truncated' | 'hashed' | 'none';

/** What is kept of a request. Rules, limits and places go by the real address whatever is said here. */
export interface PrivacyOptions {
  /**
   * `full`; `truncated` to the /24 of IPv4 and the /48 of IPv6; `hashed` to an address inside `fd00::/8` that stays the
   * same for one client until the key is rotated; `none`. Under anything but `full`, what is stored names nobody whom a
   * rule could block, so bans can only come from what is seen live.
   *
   * @default 'full'
   */
  address?: AddressMode;
  /** The secret behind `hashed`: 32 bytes or more of text, from your store of secrets. Processes that share a log share it. */
  key?: string;
  /** Keys of before, so that rows which were stored under them can still be erased and exported. @default none */
  previousKeys?: string[];
  /**
   * How long one client has one hash: a duration such as `24h` or `7d`, of an hour or more. Periods are counted from
   * 1970 UTC, so all processes change at the same moment.
   *
   * @default '24h'
   */
  rotateEvery?: string;
  /** Parameters of the query string that are kept in `path`, by name; `false` keeps none. @default false */
  query?: false | string[];
  /** Keep the user agent. @default true */
  userAgent?: boolean;
}
