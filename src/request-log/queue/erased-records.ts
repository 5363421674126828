import type { FormsAt } from '../../privacy/spooled-records.js';
import type { Lines } from '../record/lines.js';
import { traceOfLine } from '../record/record-line.js';

/** Keeps from the sink what was erased while it was on its way. */
export class ErasedRecords {
  private readonly erasures: { forms: FormsAt; beforeMs: number }[] = [];

  /** From now on records of an address are left out, if they are of before a moment. */
  add(forms: FormsAt, beforeMs: number): void {
    this.erasures.push({ forms, beforeMs });
  }

  /** The lines that are still to be written. */
  leave(lines: Lines): Lines {
    return this.erasures.length === 0 ? lines : lines.where((line) => !this.isErased(line));
  }

  private isErased(line: string): boolean {
    const { timestamp, address } = traceOfLine(line);
    const timestampMs = Date.parse(timestamp);
    return this.erasures.some(
      ({ forms, beforeMs }) => timestampMs < beforeMs && isOneOf(address, forms(timestampMs)),
    );
  }
}

/** Whether a line is of one of the forms that an address had at its time. */
export function isLineOf(line: string, forms: FormsAt): boolean {
  const { timestamp, address } = traceOfLine(line);
  return isOneOf(address, forms(Date.parse(timestamp)));
}

function isOneOf(address: string, forms: ReturnType<FormsAt>): boolean {
  return forms.some((form) => form.toString() === address);
}
