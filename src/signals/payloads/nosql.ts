/**
 * Whether the name of a parameter, decoded and in lower case, makes an operator of a document database out of a password:
 * `password[$ne]=` is true of every password but one.
 *
 * Lets pass: the operators of other parameters, which apps offer on purpose (`age[$gt]=5`, `filters[name][$eq]=x`).
 */
export function isNoSqlName(name: string): boolean {
  return /^pass(?:word|wd)?\[\$(?:ne|gt|gte|lt|nin|regex|exists)\]/.test(name);
}
