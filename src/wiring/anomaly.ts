import { ModulesContainer } from '@nestjs/core';
import { AnomalyScanJob } from '../detection/detection.job.js';
import { AnomalyScan } from '../detection/detection.service.js';
import { requestVolumeDetector } from '../detection/detectors/request-volume.js';
import { sensitivePathDetector } from '../detection/detectors/sensitive-path.js';
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
