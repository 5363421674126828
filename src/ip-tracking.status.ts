import type { NotificationListener } from './database/notifications.js';
import type { DetectionService } from './detection/detection.service.js';
import type { ScanStatus } from './detection/scan-result.js';
import type { WatchRecorder, WatchStatus } from './detection/watch-recorder.js';
import type { GeoService, GeoStatus } from './geo/geo-service.js';
import type { IpTrackingSettings } from './ip-tracking.options.js';
import type { LimitStorage } from './limits/store/limit-storage.js';
import {
  ResilientLimitStorage,
  type ResilientLimitStorageStats,
} from './limits/store/resilient-limit-storage.js';
import type { RequestLogService, RequestLogStats } from './request-log/request-log.service.js';
import type { RequestLogPartitions } from './request-log/table/partitions.js';
import type { LiveRules } from './rules/live-rules.js';
import type { RulesStatus } from './rules/rules-in-force.js';

/** What the parts of this process know of themselves at one moment. A part that is off is null. */
export interface IpTrackingReport {
  /** The rules in memory; null where this process does not follow them. */
  rules: RulesStatus | null;
  /** How changes of rules are learnt of: told by PostgreSQL, or found by asking; null where nobody listens. */
  notifications: 'listening' | 'polling' | null;
  /** The queue of the log with its spool, and what was dropped. */
  requestLog: RequestLogStats | null;
  /** Up to when the log has daily partitions, as far as this process knows; later rows go to the default partition. */
  partitionsUntil: Date | null;
  /** Where attempts are counted; `shared` tells of the store that processes share, and is null where there is none. */
  limits: { shared: ResilientLimitStorageStats | null } | null;
  geo: GeoStatus | null;
  /** The last scan of this process; null before the first, which may be another process' every time. */
  lastScan: ScanStatus | null;
  /** The counters of this process that detectors count in; null where nobody watches. */
  watch: WatchStatus | null;
}

/** What an {@link IpTrackingStatus} asks. */
export interface StatusParts {
  settings: IpTrackingSettings;
  rules: LiveRules;
  listener: NotificationListener;
  requestLog: RequestLogService;
  partitions: RequestLogPartitions;
  limits: LimitStorage;
  geo: GeoService;
  detection: DetectionService;
  watch: WatchRecorder | null;
}

/**
 * The one place that knows how this process is. Whatever shows it (health checks, metrics, a page) reads it here, so
 * that all of them say the same.
 */
export class IpTrackingStatus {
  /** @internal */
  constructor(private readonly parts: StatusParts) {}

  /** How everything is right now. Never waits, never throws, asks no database. */
  read(): IpTrackingReport {
    const { settings, rules, listener, requestLog, partitions, limits, geo, detection, watch } =
      this.parts;
    return {
      rules: settings.rules.isEnabled && settings.rules.follow ? rules.status : null,
      notifications: listener.isNeeded ? (listener.isListening ? 'listening' : 'polling') : null,
      requestLog: settings.requestLog.isEnabled ? requestLog.stats : null,
      partitionsUntil: partitions.readyUntil,
      limits: settings.limits.isEnabled
        ? { shared: limits instanceof ResilientLimitStorage ? limits.stats() : null }
        : null,
      geo: settings.geo.isEnabled ? geo.status : null,
      lastScan: detection.lastScan,
      watch: watch?.status ?? null,
    };
  }
}
