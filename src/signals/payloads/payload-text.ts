/** Where a text was found, which says how much of what stands in it people may have typed. */
export type PayloadPlace =
  /** A path. */
  | 'path'
  /** The value of a query's parameter, or its name. */
  | 'value'
  /** The value of a parameter that people type sentences or code into: a search, a message, a filter. */
  | 'prose'
  /** The value of a parameter that is named like a command. */
  | 'command'
  /** A user agent, or a referer that is no address. */
  | 'header';

/** Parameters that hold what people type: words, sentences, code that they ask about, or a query language. */
const PROSE = new Set(
  (
    'q query search s keyword keywords term terms text k w word words find phrase message msg body comment content ' +
    'title description subject note notes code html css js md markdown input prompt question answer source snippet ' +
    'sql where filter filters $filter $where $query jql cql cql_filter expression expr formula lucene kql'
  ).split(' '),
);

/** Parameters by which back doors and routers are told what to run. */
const COMMANDS = new Set(
  'cmd command exec execute shell run c ping daemon system payload'.split(' '),
);

/** Tells what a parameter's value is by the parameter's name, decoded and in lower case. */
export function placeOf(name: string): PayloadPlace {
  if (PROSE.has(name)) return 'prose';
  return COMMANDS.has(name) ? 'command' : 'value';
}

/** Whether a character is a letter, a digit or an underscore. */
export function isWordChar(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 95;
}

/** Whether a character is a digit. */
export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** Whether a character separates words: white space, and the plus sign that some leave of it. */
export function isSpace(c: number): boolean {
  return (c >= 9 && c <= 13) || c === 32 || c === 43;
}

/** The first place at or behind `at` that is no white space. */
export function skipSpaces(text: string, at: number): number {
  let i = at;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** Whether one of some parts is in a text at or behind `at`. */
export function hasAny(text: string, parts: readonly string[], at = 0): boolean {
  return parts.some((part) => text.includes(part, at));
}
