/**
 * Whether the name of a parameter, decoded and in lower case, reaches for the prototype of all objects
 * (`__proto__[isAdmin]`, `constructor.prototype.x`): parsers that make objects of names would write to it.
 *
 * Lets pass: the same words in a value, where people ask about them.
 */
export function isPrototypeName(name: string): boolean {
  return name.includes('__proto__') || (name.includes('constructor') && name.includes('prototype'));
}

/** The same in a value that is JSON: `{"__proto__":`. */
export function isPrototypeValue(value: string): boolean {
  const at = value.indexOf('"__proto__"');
  return at > 0 && value.startsWith('{') && value.startsWith(':', at + 11);
}
