import { APPLIANCES } from './probes/appliances.js';
import { CONSOLES } from './probes/consoles.js';
import { EXPLOITS } from './probes/exploits.js';
import type { ProbeEntry, ProbeGroup } from './probes/probe-entry.js';
import { SCRIPTS } from './probes/scripts.js';
import { SECRETS } from './probes/secrets.js';
import { SHELLS } from './probes/shells.js';
import { TOOLS } from './probes/tools.js';
import { WORDPRESS } from './probes/wordpress.js';

/**
 * What attackers ask for, by group, each entry with the reason why they want it. What counts `anywhere` is written so
 * that it cannot be the title of a page: a dot file, a file's whole name, or several segments. Words that can be one
 * (`/blog/tags/phpmyadmin`) count only where nothing has answered.
 */
export const PROBE_LIST: Readonly<Record<ProbeGroup, readonly ProbeEntry[]>> = {
  secrets: SECRETS,
  wordpress: WORDPRESS,
  consoles: CONSOLES,
  exploits: EXPLOITS,
  appliances: APPLIANCES,
  shells: SHELLS,
  scripts: SCRIPTS,
  tools: TOOLS,
};
