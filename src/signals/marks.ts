/**
 * What characters a text has that matter: most texts have none, and are done with when that is known. One bit each, so
 * that a text's marks are those of its characters, joined.
 */
export const MARK = {
  /** `%` */
  percent: 1,
  /** `+`, a space in queries. */
  plus: 1 << 1,
  /** `'` and `"` */
  quote: 1 << 2,
  /** `<` and `>` */
  angle: 1 << 3,
  /** `{` and `}` */
  brace: 1 << 4,
  /** `|`, `` ` `` and a line break: what ends a command of a shell, as a semicolon does. */
  command: 1 << 5,
  /** `$` */
  dollar: 1 << 6,
  /** `(` and `)` */
  parenthesis: 1 << 7,
  /** `[` and `]` */
  bracket: 1 << 8,
  /** `/` */
  slash: 1 << 9,
  /** `\` */
  backslash: 1 << 10,
  /** White space. */
  space: 1 << 11,
  /** Control characters, DEL among them. */
  control: 1 << 12,
  /** Anything above ASCII. */
  high: 1 << 13,
  /** `.` */
  dot: 1 << 14,
  /** `?` and `#`, which end a path. */
  end: 1 << 15,
  /** `_` */
  underscore: 1 << 16,
  /** `=` */
  equals: 1 << 17,
  /** `&` */
  ampersand: 1 << 18,
  /** `:` */
  colon: 1 << 19,
  /** `;` */
  semicolon: 1 << 20,
  /** `*` */
  asterisk: 1 << 21,
} as const;

/** The marks of each character of ASCII. */
export const MARKS_OF = new Uint32Array(128);
for (let c = 0; c < 128; c++) MARKS_OF[c] = c < 32 || c === 127 ? MARK.control : 0;
const MARKED: readonly (readonly [characters: string, mark: number])[] = [
  ['%', MARK.percent],
  ['+', MARK.plus],
  [`'"`, MARK.quote],
  ['<>', MARK.angle],
  ['{}', MARK.brace],
  ['|`', MARK.command],
  [';', MARK.semicolon],
  ['*', MARK.asterisk],
  ['$', MARK.dollar],
  ['()', MARK.parenthesis],
  ['[]', MARK.bracket],
  ['/', MARK.slash],
  ['\\', MARK.backslash],
  [' ', MARK.space],
  ['\t\v\f', MARK.space | MARK.control],
  ['\n\r', MARK.space | MARK.control | MARK.command],
  ['.', MARK.dot],
  ['?#', MARK.end],
  ['_', MARK.underscore],
  ['=', MARK.equals],
  ['&', MARK.ampersand],
  [':', MARK.colon],
];
for (const [characters, mark] of MARKED) {
  for (const character of characters) MARKS_OF[character.charCodeAt(0)] = mark;
}

/** The marks of a text's characters from `start` to `end`. */
export function marksOf(text: string, start = 0, end = text.length): number {
  let marks = 0;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    marks |= c < 128 ? MARKS_OF[c]! : MARK.high;
  }
  return marks;
}

/** A text in lower case, of ASCII alone: the others keep their place. */
export function fold(text: string): string {
  let folded = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 65 || c > 90) continue;
    folded += text.slice(start, i) + String.fromCharCode(c + 32);
    start = i + 1;
  }
  return folded + text.slice(start);
}
