const DOLLAR = 36;
const COLON = 58;
const MINUS = 45;
const OPEN = 123;
const CLOSE = 125;

const WANTED = 'jndi:';
/** More than this of a lookup's beginning is not compared. */
const MAX_KEPT = 16;

/**
 * Whether a decoded text in lower case holds a lookup that Log4j would follow to another host (CVE-2021-44228), also
 * where its letters come out of other lookups: `${jndi:`, `${${lower:j}ndi:`, `${${::-j}${env:x:-n}di:`.
 *
 * Lets pass: `${name}`, `${env:HOME}` and whatever else templates, shells and editors write, as long as it does not come
 * out as `jndi:`.
 */
export function hasJndi(text: string): boolean {
  if (!text.includes('${')) return false;
  // The beginnings of the lookups that are open, each as it comes out so far.
  const open: string[] = [];
  for (let i = text.indexOf('${'); i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === DOLLAR && text.charCodeAt(i + 1) === OPEN) {
      open.push('');
      i++;
      continue;
    }
    if (open.length === 0) continue;
    if (c === CLOSE) {
      const value = valueOf(open.pop()!);
      if (open.length > 0 && append(open, value)) return true;
    } else if (c === COLON && text.charCodeAt(i + 1) === MINUS) {
      // What stands behind `:-` is the value where the lookup fails, as it is made to.
      open[open.length - 1] = '';
      i++;
    } else if (append(open, text[i]!)) {
      return true;
    }
  }
  return false;
}

/** Adds to the innermost lookup; true where it has become the one that is looked for. */
function append(open: string[], value: string): boolean {
  const last = open.length - 1;
  const kept = open[last]!;
  if (kept.length >= MAX_KEPT) return false;
  const grown = kept + value;
  open[last] = grown;
  return grown.startsWith(WANTED);
}

/** What a closed lookup comes out as: the letter behind `lower:` and `upper:`, else what it says. */
function valueOf(lookup: string): string {
  return lookup.startsWith('lower:') || lookup.startsWith('upper:') ? lookup.slice(6) : lookup;
}
