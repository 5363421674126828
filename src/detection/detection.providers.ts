import { ModulesContainer } from '@nestjs/core';
import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { afterTimer } from '../hourly-work.js';
import { messageOf } from '../ip-tracking.errors.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PRIVACY_SETTINGS } from '../privacy/privacy.options.js';
import { logger, provide, token, WALL_CLOCK } from '../provide.js';
import { REQUEST_WATCH } from '../request-log/capture/request-logger.js';
import { REQUEST_LOG_SETTINGS } from '../request-log/request-log.options.js';
import { AnnouncedDetectorsRepository, detectorData, isForbidden } from './announced-detectors.js';
import { DetectionJob } from './detection.job.js';
import { DETECTION_SETTINGS } from './detection.options.js';
import { DetectionService } from './detection.service.js';
import { ERASED_CHANNEL, ErasedClients, ErasedClientsRepository } from './erased-clients.js';
import { SuspiciousIpRepository } from './suspicious-ip.repository.js';
import { WatchRecorder } from './watch-recorder.js';

/** What watches requests as they end; null where nobody does. */
export const WATCH_RECORDER = token<WatchRecorder | null>('watch-recorder');

/** What detection does from time to time: says how its detectors are, and forgets whom no notification has told of. */
export const DETECTION_UPKEEP = token<readonly (() => Promise<unknown>)[]>('detection-upkeep');

/** The detectors, what lets them look as it happens, and the job that lets them look at the log. */
export const detectionProviders = [
  provide(
    WATCH_RECORDER,
    [Database, AddressPrivacy, PRIVACY_SETTINGS, DETECTION_SETTINGS, WALL_CLOCK],
    (database, addresses, { userAgent }, { isEnabled, watch, watchMaxBytes, detectors }, now) =>
      isEnabled && watch
        ? new WatchRecorder({
            detectors,
            maxBytes: watchMaxBytes,
            addresses,
            keepsAgents: userAgent,
            save: (findings) =>
              database.transaction((manager) =>
                new SuspiciousIpRepository(manager).save(findings, new Date(now())),
              ),
            now,
            after: afterTimer,
            warn: (message) => logger.warn(message),
          })
        : null,
  ),
  provide(REQUEST_WATCH, [WATCH_RECORDER], (recorder) => recorder),
  provide(
    DETECTION_UPKEEP,
    [Database, NotificationListener, WATCH_RECORDER, DETECTION_SETTINGS],
    (database, listener, recorder, { isEnabled, requestsPerHour, tuning, detectors }) => {
      if (!isEnabled) return [];
      const announced = new AnnouncedDetectorsRepository(database);
      const data = detectorData(requestsPerHour, tuning, detectors);
      const announce = onceSaid(() => announced.announce(data));
      if (recorder === null) return [announce];
      const erased = new ErasedClients(new ErasedClientsRepository(database), recorder);
      listener.hear(ERASED_CHANNEL, erased.handlers);
      return [announce, () => erased.follow()];
    },
  ),
  provide(
    DetectionService,
    [Database, DETECTION_SETTINGS, REQUEST_LOG_SETTINGS, WALL_CLOCK],
    (database, { detectors }, { retentionDays }, now) =>
      new DetectionService({ database, detectors, retentionDays, now }),
  ),
  provide(
    DetectionJob,
    [DetectionService, ModulesContainer, DETECTION_SETTINGS],
    (detection, modules, { isEnabled, cron, cronExpression }) =>
      new DetectionJob(detection, modules, {
        isEnabled: isEnabled && cron,
        expression: cronExpression,
      }),
  ),
];

/** A role whose rights are older than the table goes without: it is said once, and nothing else waits for it. */
function onceSaid(announce: () => Promise<void>): () => Promise<void> {
  let isSaid = false;
  return async () => {
    try {
      await announce();
    } catch (error) {
      if (!isForbidden(error)) throw error;
      if (!isSaid) {
        logger.warn(
          `"ip-tracking flag-suspicious" will not know how this app's detectors are tuned: ${messageOf(error)}`,
        );
      }
      isSaid = true;
    }
  };
}
