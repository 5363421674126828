import type { MigrationInterface } from 'typeorm';
import { InitialSchema1763683200000 } from './1763683200000-initial-schema.js';
import { RuleAudit1763769600000 } from './1763769600000-rule-audit.js';
import { ProtectedNetworks1763773200000 } from './1763773200000-protected-networks.js';
import { RequestRollup1763776800000 } from './1763776800000-request-rollup.js';
import { ErasedAddresses1763784000000 } from './1763784000000-erased-addresses.js';
import { BlockReason1763787600000 } from './1763787600000-block-reason.js';
import { LeastPrivilege1763791200000 } from './1763791200000-least-privilege.js';
import { ForwardingPeers1763793000000 } from './1763793000000-forwarding-peers.js';
import { RequestSignals1763794800000 } from './1763794800000-request-signals.js';
import { Findings1763796600000 } from './1763796600000-findings.js';
import { LateRows1763798400000 } from './1763798400000-late-rows.js';
import { Bans1763800200000 } from './1763800200000-bans.js';
import { DetectionOfAllProcesses1763802000000 } from './1763802000000-detection-of-all-processes.js';

/** Every migration of the schema `ip_tracking`, oldest first. The list only ever grows at its end. */
export const IP_TRACKING_MIGRATIONS: (new () => MigrationInterface)[] = [
  InitialSchema1763683200000,
  RuleAudit1763769600000,
  ProtectedNetworks1763773200000,
  RequestRollup1763776800000,
  ErasedAddresses1763784000000,
  BlockReason1763787600000,
  LeastPrivilege1763791200000,
  ForwardingPeers1763793000000,
  RequestSignals1763794800000,
  Findings1763796600000,
  LateRows1763798400000,
  Bans1763800200000,
  DetectionOfAllProcesses1763802000000,
];
