import { SuspiciousIp } from './detection/suspicious-ip.entity.js';
import { RequestLog } from './request-log/table/request-log.entity.js';
import { IpRule } from './rules/ip-rule.entity.js';

/** The entities of this module, for a host that hands over its own DataSource. */
export const IP_TRACKING_ENTITIES = [RequestLog, IpRule, SuspiciousIp];
