/**
 * Text from a request, a feed or another operator, made safe for a terminal: control characters, escape sequences and
 * bidirectional overrides are shown as what they are instead of being obeyed.
 */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}
