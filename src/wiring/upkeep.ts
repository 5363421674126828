import { Database } from '../database/database.js';
import { RequestLogPartitions } from '../request-log/table/partitions.js';
import { RequestLogRetention } from '../request-log/table/retention.js';
import { RequestRollup } from '../request-log/table/rollup.js';
import { RequestLogUpkeep } from '../request-log/table/upkeep.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { provide, wallClock } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

/** What keeps the tables of the request log in shape. */
export const upkeep = [
  provide(
    RequestLogUpkeep,
    [Database, RequestLogPartitions, RESOLVED_OPTIONS],
    (database: Database, partitions: RequestLogPartitions, { requestLog }: ResolvedOptions) =>
      new RequestLogUpkeep(
        partitions,
        new RequestRollup(database, wallClock),
        new RequestLogRetention(database, partitions, wallClock),
        requestLog,
      ),
  ),
];
