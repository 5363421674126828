import { printable } from './printable.js';

/** A table for the terminal: a heading, then a line a row, in columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) =>
    Math.max(...cells.map((row) => [...(row[column] ?? '')].length)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(widths[column]! - [...cell].length))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A moment as an operator reads it: UTC, to the second. */
export function moment(date: Date | null): string {
  return date === null ? 'never' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
