/**
 * Makes hostile text storable: PostgreSQL refuses U+0000 in a text, and with it the whole statement, and a lone
 * surrogate has no UTF-8 form. Both become U+FFFD. Cut on a code point, so that no half of an emoji is left over.
 *
 * @param maxLength in code points.
 */
export function storableText(text: string, maxLength: number): string {
  const whole = text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text;
  // Below this many UTF-16 units there cannot be more code points than allowed.
  const wellFormed = whole.toWellFormed();
  if (wellFormed.length <= maxLength) return wellFormed;
  let units = 0;
  for (let points = 0; points < maxLength && units < wellFormed.length; points += 1) {
    units += wellFormed.codePointAt(units)! > 0xffff ? 2 : 1;
  }
  return wellFormed.slice(0, units);
}
