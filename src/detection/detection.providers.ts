import { ModulesContainer } from '@nestjs/core';
import { Database } from '../database/database.js';
import { provide, wallClock } from '../provide.js';
import { REQUEST_WATCH } from '../request-log/capture/request-logger.js';
import { DetectionJob } from './detection.job.js';
import { DETECTION_SETTINGS } from './detection.options.js';
import { DetectionService } from './detection.service.js';
import { requestVolumeDetector } from './detectors/request-volume.js';
import { sensitivePathDetector } from './detectors/sensitive-path.js';

/** The detectors, and the job that lets them look. */
export const detectionProviders = [
  provide(REQUEST_WATCH, [], () => null),
  provide(
    DetectionService,
    [Database, DETECTION_SETTINGS],
    (database, { requestsPerHour }) =>
      new DetectionService(
        database,
        [requestVolumeDetector(requestsPerHour), sensitivePathDetector()],
        wallClock,
      ),
  ),
  provide(
    DetectionJob,
    [DetectionService, ModulesContainer, DETECTION_SETTINGS],
    (detection, modules, { isEnabled, cron }) =>
      new DetectionJob(detection, modules, isEnabled && cron),
  ),
];
