// Not by the index: the judge, which comes without Nest, fails in the same way.
import { IpTrackingError, type IpTrackingErrorCode } from '../ip-tracking.errors.js';
import { printable } from './printable.js';

/** What the operator typed is wrong: the command has changed nothing, and the same line will never work. */
const WRONG_INPUT: ReadonlySet<IpTrackingErrorCode> = new Set<IpTrackingErrorCode>([
  'IPT_INVALID_IP',
  'IPT_INVALID_PREFIX',
  'IPT_INVALID_DURATION',
  'IPT_RULE_TOO_WIDE',
  'IPT_RULE_COVERS_CALLER',
  'IPT_RULE_COVERS_PROXY',
  'IPT_RULE_COVERS_HOST',
  'IPT_RULE_COVERS_FORWARDER',
  'IPT_INVALID_OPTION',
  'IPT_PRIVACY_KEY',
  'IPT_STATE_NOT_FOUND',
  'IPT_STATE_UNRELATED',
  'IPT_UNKNOWN_OPTION',
  'IPT_ACCESS_LOG',
]);

/** 2 for wrong input, 1 for everything else: a database that is down, a rule that does not exist. */
export function exitCodeOf(error: unknown): number {
  return error instanceof IpTrackingError && WRONG_INPUT.has(error.code) ? 2 : 1;
}

/** One line for the terminal, whatever was thrown. */
export function oneLine(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  // Node leaves the message of an error empty that stands for several, such as one of each address of a host.
  return printable(String(message || error));
}
