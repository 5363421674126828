/**
 * HalfSipHash-2-4 with 64 bits of output over the UTF-16LE bytes of a text (Aumasson, Bernstein, "SipHash: a fast
 * short-input PRF", and its reference implementation `halfsiphash.c`).
 *
 * Clients choose parts of the keys that are hashed (an IPv6 client has 2^64 prefixes to try from), so the hash is keyed
 * with a secret of the process: without it nobody can find keys that fall into one chain, or two that are taken for one.
 * By chance two of 1,000,000 keys are taken for one with a probability of 3 in 10^8.
 */
export class KeyedHash {
  /** The lower 32 bits of the last digest. */
  low = 0;
  /** The upper 32 bits of the last digest. */
  high = 0;

  /** Takes the key as two 32-bit integers. */
  constructor(
    private readonly key0: number,
    private readonly key1: number,
  ) {}

  /** Leaves the digest of `text` in {@link low} and {@link high}; returning both would cost an allocation a hit. */
  digest(text: string): void {
    const words = text.length >>> 1;
    let v0 = this.key0;
    let v1 = this.key1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.key0;
    let v3 = 0x74656462 ^ this.key1;
    // One step for each word, one for the rest and the length, two that finish the lower and the upper half.
    for (let step = 0; step <= words + 2; step++) {
      let message = 0;
      if (step < words) {
        message = text.charCodeAt(2 * step) | (text.charCodeAt(2 * step + 1) << 16);
        v3 ^= message;
      } else if (step === words) {
        message = (text.length << 25) | (text.length & 1 ? text.charCodeAt(2 * step) : 0);
        v3 ^= message;
      } else if (step === words + 1) {
        v2 ^= 0xee;
      } else {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      for (let round = step <= words ? 2 : 4; round > 0; round--) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= message;
    }
    this.high = v1 ^ v3;
  }
}
