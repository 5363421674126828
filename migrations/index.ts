import { InitialSchema1763683200000 } from './1763683200000-initial-schema.js';

/** Every migration of the schema `ip_tracking`, oldest first. The list only ever grows at its end. */
export const IP_TRACKING_MIGRATIONS = [InitialSchema1763683200000];
