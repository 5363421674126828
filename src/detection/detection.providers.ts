import { ModulesContainer } from '@nestjs/core';
import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import type { GeoCoordinates } from '../geo/coordinates.js';
import { GeoService } from '../geo/geo-service.js';
import { afterTimer } from '../hourly-work.js';
import { messageOf } from '../ip-tracking.errors.js';
import { parseIp } from '../net/ip-address.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { PRIVACY_SETTINGS } from '../privacy/privacy.options.js';
import { logger, provide, token, WALL_CLOCK } from '../provide.js';
import { REQUEST_WATCH } from '../request-log/capture/request-logger.js';
import { REQUEST_LOG_SETTINGS } from '../request-log/request-log.options.js';
import { detectorData } from './announced-detectors.js';
import { AnnouncedDetectorsRepository, isForbidden } from './announced-detectors.repository.js';
import { ClaimedFindings } from './crawlers/claimed-findings.js';
import { CrawlerVerifier } from './crawlers/crawler-verifier.js';
import { dnsResolver } from './crawlers/dns-resolver.js';
import { DetectionJob } from './detection.job.js';
import { DETECTION_SETTINGS } from './detection.options.js';
import { DetectionService } from './detection.service.js';
import { ERASED_CHANNEL, ErasedClients } from './erased-clients.js';
import { ErasedClientsRepository } from './erased-clients.repository.js';
import { FINDING_RESPONSE, type FindingResponse } from './finding-response.js';
import type { Finding } from './finding.js';
import { SuspiciousIpRepository, type SavedFindings } from './suspicious-ip.repository.js';
import { fakeCrawlerWeight } from './tuned-detectors.js';
import { WatchRecorder } from './watch-recorder.js';

/** What watches requests as they end; null where nobody does. */
export const WATCH_RECORDER = token<WatchRecorder | null>('watch-recorder');

/** What detection does from time to time: says how its detectors are, and forgets whom no notification has told of. */
export const DETECTION_UPKEEP = token<readonly (() => Promise<unknown>)[]>('detection-upkeep');

/** Whom claims to be a crawler are brought to; null where they are not. */
export const CRAWLER_VERIFIER = token<CrawlerVerifier | null>('crawler-verifier');
/** Who asks those that claim to be crawlers; null where nobody does. */
export const CLAIMED_FINDINGS = token<ClaimedFindings | null>('claimed-findings');

/** The detectors, what lets them look as it happens, and the job that lets them look at the log. */
export const detectionProviders = [
  provide(CRAWLER_VERIFIER, [DETECTION_SETTINGS], ({ isEnabled, verifyCrawlers, nameResolver }) =>
    isEnabled && verifyCrawlers
      ? new CrawlerVerifier({
          resolver: nameResolver ?? dnsResolver(),
          now: () => performance.now(),
        })
      : null,
  ),
  provide(
    CLAIMED_FINDINGS,
    [CRAWLER_VERIFIER, AddressPrivacy, DETECTION_SETTINGS],
    (verifier, addresses, { tuning }) =>
      verifier === null
        ? null
        : new ClaimedFindings({
            verifier,
            hasAddresses: addresses.isFull,
            fakeWeight: fakeCrawlerWeight(tuning),
          }),
  ),
  provide(
    WATCH_RECORDER,
    [
      Database,
      AddressPrivacy,
      PRIVACY_SETTINGS,
      DETECTION_SETTINGS,
      CLAIMED_FINDINGS,
      FINDING_RESPONSE,
      WALL_CLOCK,
    ],
    (database, addresses, { userAgent }, settings, claims, response, now) => {
      const { isEnabled, watch, watchMaxBytes, detectors } = settings;
      return isEnabled && (watch || response !== null)
        ? new WatchRecorder({
            // Without them it only stores what the scan has found, with what follows.
            detectors: watch ? detectors : [],
            response,
            maxBytes: watchMaxBytes,
            addresses,
            keepsAgents: userAgent,
            claims,
            save: (findings) => saveAndRespond(database, findings, response, now),
            now,
            after: afterTimer,
            warn: (message) => logger.warn(message),
          })
        : null;
    },
  ),
  provide(REQUEST_WATCH, [WATCH_RECORDER, DETECTION_SETTINGS], (recorder, { watch }) =>
    watch ? recorder : null,
  ),
  provide(
    DETECTION_UPKEEP,
    [Database, NotificationListener, WATCH_RECORDER, DETECTION_SETTINGS],
    (database, listener, recorder, settings) => {
      const { isEnabled, requestsPerHour, tuning, detectors, watch, response } = settings;
      if (!isEnabled) return [];
      const announced = new AnnouncedDetectorsRepository(database);
      const data = detectorData(requestsPerHour, tuning, detectors);
      const announce = onceSaid(() => announced.announce(data));
      // A command has neither counts nor bans that somebody's erasure could concern.
      if (recorder === null || (!watch && response === 'flag')) return [announce];
      const erased = new ErasedClients(new ErasedClientsRepository(database), recorder);
      listener.hear(ERASED_CHANNEL, erased.handlers);
      return [announce, () => erased.follow()];
    },
  ),
  provide(
    DetectionService,
    [
      Database,
      DETECTION_SETTINGS,
      CLAIMED_FINDINGS,
      AddressPrivacy,
      GeoService,
      REQUEST_LOG_SETTINGS,
      FINDING_RESPONSE,
      WALL_CLOCK,
    ],
    (database, { detectors }, claims, addresses, geo, { retentionDays }, response, now) =>
      new DetectionService({
        database,
        detectors,
        claims,
        facts: { coordinatesOf: (text) => coordinatesOf(geo, addresses, text) },
        retentionDays,
        response,
        now,
      }),
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

/** What is stored hashed or truncated is nowhere. */
function coordinatesOf(
  geo: GeoService,
  { isFull }: AddressPrivacy,
  text: string,
): GeoCoordinates | null {
  const ip = isFull ? parseIp(text) : null;
  return ip === null ? null : geo.coordinates(ip);
}
