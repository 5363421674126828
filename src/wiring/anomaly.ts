import { ModulesContainer } from '@nestjs/core';
import { AnomalyScanJob } from '../anomaly/anomaly-scan.job.js';
import { AnomalyScan } from '../anomaly/anomaly-scan.js';
import { requestVolumeDetector } from '../anomaly/detectors/request-volume.js';
import { sensitivePathDetector } from '../anomaly/detectors/sensitive-path.js';
import { Database } from '../database/database.js';
import type { ResolvedOptions } from '../resolved-options.js';
import { provide, wallClock } from './provide.js';
import { RESOLVED_OPTIONS } from './settings.js';

/** The detectors, and the job that lets them look. */
export const anomaly = [
  provide(
    AnomalyScan,
    [Database, RESOLVED_OPTIONS],
    (database: Database, { anomalies }: ResolvedOptions) =>
      new AnomalyScan(
        database,
        [requestVolumeDetector(anomalies.requestsPerHour), sensitivePathDetector()],
        wallClock,
      ),
  ),
  provide(
    AnomalyScanJob,
    [AnomalyScan, ModulesContainer, RESOLVED_OPTIONS],
    (scan: AnomalyScan, modules: ModulesContainer, { anomalies }: ResolvedOptions) =>
      new AnomalyScanJob(scan, modules, anomalies.isEnabled && anomalies.cron),
  ),
];
