/**
 * The listed parameters of a request's target, as they came: `?page=2&sort=name`, empty where it has none of them. Names
 * are compared decoded, so that `p%61ge` is `page`; values stay as the client has written them, like the path before them.
 */
export function keptQuery(url: string, names: ReadonlySet<string>): string {
  const start = url.indexOf('?');
  if (start === -1) return '';
  const [query = ''] = url.slice(start + 1).split('#', 1);
  const kept = query.split('&').filter((pair) => names.has(decodedName(pair)));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function decodedName(pair: string): string {
  const [raw = ''] = pair.split('=', 1);
  const name = raw.replaceAll('+', ' ');
  try {
    return decodeURIComponent(name);
  } catch {
    // A malformed escape names nothing that anybody has listed.
    return name;
  }
}
