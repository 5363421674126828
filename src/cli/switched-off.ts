/**
 * Whether the environment says that the module is off. An app that goes by the same variable acts on nothing that a
 * command would change.
 */
export function isSwitchedOff(environment: NodeJS.ProcessEnv): boolean {
  return /^(false|0)$/i.test(environment['IP_TRACKING_ENABLED']?.trim() ?? '');
}
