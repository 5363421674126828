import { ModulesContainer } from '@nestjs/core';
import { Database } from '../database/database.js';
import { provide, WALL_CLOCK } from '../provide.js';
import { DetectionJob } from './detection.job.js';
import { DETECTION_SETTINGS } from './detection.options.js';
import { DetectionService } from './detection.service.js';
import { requestVolumeDetector } from './detectors/request-volume.js';
import { sensitivePathDetector } from './detectors/sensitive-path.js';

/** The detectors, and the job that lets them look. */
export const detectionProviders = [
  provide(
    DetectionService,
    [Database, DETECTION_SETTINGS, WALL_CLOCK],
    (database, { requestsPerHour }, now) =>
      new DetectionService(
        database,
        [requestVolumeDetector(requestsPerHour), sensitivePathDetector()],
        now,
      ),
  ),
  provide(
    DetectionJob,
    [DetectionService, ModulesContainer, DETECTION_SETTINGS],
    (detection, modules, { isEnabled, cron }) =>
      new DetectionJob(detection, modules, isEnabled && cron),
  ),
];
