/** Longer than any name (RFC 1035 section 2.3.4), with a port. */
const MAX_LENGTH = 300;

/**
 * A host as it is compared: in lower case, without a user, the port of its scheme, and the dot that ends an absolute name.
 *
 * @param authority of an address, or the value of a `Host` header.
 */
export function hostName(authority: string): string {
  if (authority.length > MAX_LENGTH) return '';
  return authority
    .slice(authority.lastIndexOf('@') + 1)
    .toLowerCase()
    .replace(/:(?:80|443)?$/, '')
    .replace(/\.(?=$|:\d{1,5}$)/, '');
}
