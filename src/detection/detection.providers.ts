import { ModulesContainer } from '@nestjs/core';
import { Database } from '../database/database.js';
import { afterTimer } from '../hourly-work.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PRIVACY_SETTINGS } from '../privacy/privacy.options.js';
import { logger, provide, token, WALL_CLOCK } from '../provide.js';
import { REQUEST_WATCH } from '../request-log/capture/request-logger.js';
import { REQUEST_LOG_SETTINGS } from '../request-log/request-log.options.js';
import { DetectionJob } from './detection.job.js';
import { DETECTION_SETTINGS } from './detection.options.js';
import { DetectionService } from './detection.service.js';
import { FINDING_RESPONSE, type FindingResponse } from './finding-response.js';
import type { Finding } from './finding.js';
import { SuspiciousIpRepository, type SavedFindings } from './suspicious-ip.repository.js';
import { WatchRecorder } from './watch-recorder.js';

/** What watches requests as they end; null where nobody does. */
export const WATCH_RECORDER = token<WatchRecorder | null>('watch-recorder');

/** The detectors, what lets them look as it happens, and the job that lets them look at the log. */
export const detectionProviders = [
  provide(
    WATCH_RECORDER,
    [Database, AddressPrivacy, PRIVACY_SETTINGS, DETECTION_SETTINGS, FINDING_RESPONSE, WALL_CLOCK],
    (
      database,
      addresses,
      { userAgent },
      { isEnabled, watch, watchMaxBytes, detectors },
      response,
      now,
    ) =>
      isEnabled && (watch || response !== null)
        ? new WatchRecorder({
            // Without them it only stores what the scan has found, with what follows.
            detectors: watch ? detectors : [],
            response,
            maxBytes: watchMaxBytes,
            addresses,
            keepsAgents: userAgent,
            save: (findings) => saveAndRespond(database, findings, response, now),
            now,
            after: afterTimer,
            warn: (message) => logger.warn(message),
          })
        : null,
  ),
  provide(REQUEST_WATCH, [WATCH_RECORDER, DETECTION_SETTINGS], (recorder, { watch }) =>
    watch ? recorder : null,
  ),
  provide(
    DetectionService,
    [Database, DETECTION_SETTINGS, REQUEST_LOG_SETTINGS, FINDING_RESPONSE, WALL_CLOCK],
    (database, { detectors }, { retentionDays }, response, now) =>
      new DetectionService({ database, detectors, retentionDays, response, now }),
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

/** Stores findings, and what follows from them, in one transaction. */
async function saveAndRespond(
  database: Database,
  findings: readonly Finding[],
  response: FindingResponse | null,
  now: () => number,
): Promise<SavedFindings> {
  let afterwards: (() => Promise<void>) | null = null;
  const saved = await database.transaction(async (manager) => {
    const found = await new SuspiciousIpRepository(manager).save(findings, new Date(now()));
    afterwards = (await response?.write(manager, findings, found.stored)) ?? null;
    return found;
  });
  await (afterwards as (() => Promise<void>) | null)?.();
  return saved;
}
