/** 2^10 registers of a byte: the estimate is right to 3 % or so. */
const REGISTER_BITS = 10;
const REGISTERS = 1 << REGISTER_BITS;
const SLICES = 12;
const SLICE_MS = 300_000;
/** The constant of Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog" (2007), for so many registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/**
 * Estimates how many different clients there were within the last hour, in 12 kB, whatever their number: an hour is twelve
 * slices of five minutes, each a HyperLogLog. Whoever has not got the secret of the hash cannot make it wrong.
 */
export class ClientEstimate {
  private readonly slices = Array.from({ length: SLICES }, () => new Uint8Array(REGISTERS));
  private slice = Number.NEGATIVE_INFINITY;

  /** Notes a client by 64 hashed bits of it. @param atMs epoch milliseconds. */
  note(low: number, high: number, atMs: number): void {
    this.moveTo(Math.floor(atMs / SLICE_MS));
    const registers = this.slices[this.place(this.slice)]!;
    const at = low & (REGISTERS - 1);
    const rank = Math.clz32(high) + 1;
    if (registers[at]! < rank) registers[at] = rank;
  }

  /** How many there were within the hour before a moment, in epoch milliseconds: more or less. */
  count(nowMs: number): number {
    this.moveTo(Math.floor(nowMs / SLICE_MS));
    let sum = 0;
    let empty = 0;
    for (let at = 0; at < REGISTERS; at++) {
      let rank = 0;
      for (const slice of this.slices) rank = Math.max(rank, slice[at]!);
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const estimate = (ALPHA * REGISTERS * REGISTERS) / sum;
    // Where many registers are empty, counting those is nearer the truth.
    const isSmall = estimate <= 2.5 * REGISTERS && empty > 0;
    return Math.round(isSmall ? REGISTERS * Math.log(REGISTERS / empty) : estimate);
  }

  /** A clock that is set back goes on in the slice that it was in; one that jumps forward clears what is over. */
  private moveTo(slice: number): void {
    if (slice === this.slice) return;
    // So far back that it is no slip: what is counted is of another time.
    if (slice < this.slice && this.slice - slice <= SLICES) return;
    const isNear = slice > this.slice && slice - this.slice < SLICES;
    const passed = isNear ? slice - this.slice : SLICES;
    for (let i = 0; i < passed; i++) this.slices[this.place(slice - i)]!.fill(0);
    this.slice = slice;
  }

  private place(slice: number): number {
    return ((slice % SLICES) + SLICES) % SLICES;
  }
}
