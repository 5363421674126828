// The words of the record that is kept of each key, in `RecordPages`; floats take two.

/** The next record of the same chain; overwritten when the record is freed. */
export const CHAIN = 0;
/** The two halves of the key's hash. */
export const HASH_LOW = 1;
export const HASH_HIGH = 2;
/** The first and the last admission of the key. */
export const OLDEST = 3;
export const NEWEST = 4;
/** What all its admissions cost together. */
export const HELD = 5;
/** A float: until when everything is refused. */
export const BLOCKED_UNTIL = 6;
/** A float: the longest window seen since the key was last empty. */
export const KEPT_TTL = 8;
/** The highest limit seen since then; -1 in a free record. */
export const KEPT_LIMIT = 10;
/** The neighbours in order of use. */
export const IDLER = 11;
export const BUSIER = 12;
export const KEY_WORDS = 14;
