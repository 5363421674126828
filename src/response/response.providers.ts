import { randomBytes } from 'node:crypto';
import { isTransient } from '../database/connection-error.js';
import { Database } from '../database/database.js';
import { NotificationListener } from '../database/notifications.js';
import { DETECTION_SETTINGS } from '../detection/detection.options.js';
import { CRAWLER_VERIFIER } from '../detection/detection.providers.js';
import { FINDING_RESPONSE } from '../detection/finding-response.js';
import { afterTimer } from '../hourly-work.js';
import { ClientIpResolver } from '../net/client-ip.js';
import { isProviderEdge } from '../net/provider-edges.js';
import { isLocal } from '../net/special-ranges.js';
import { OUTAGES } from '../outages.js';
import { AddressPrivacy } from '../privacy/address-privacy.js';
import { logger, provide, steadyClock, token, WALL_CLOCK } from '../provide.js';
import { ownAddresses } from '../rules/announce-networks.js';
import { ForwardingPeers } from '../rules/forwarding-peers.js';
import { HeldRules } from '../rules/held-rules.js';
import { LiveRules } from '../rules/live-rules.js';
import { PARDONS } from '../rules/pardons.js';
import {
  PROTECTED_CHANNEL,
  ProtectedNetworkRepository,
} from '../rules/protected-network.repository.js';
import { STATE } from '../state/state.providers.js';
import { AuditNotes } from './audit-notes.js';
import { BanRepository } from './ban.repository.js';
import { BanService } from './ban.service.js';
import { BanFile } from './ban-file.js';
import { BAN_CHANNEL, BanFollower } from './ban-follower.js';
import { BanHistory } from './ban-history.js';
import { BanPardons, clientsIn } from './ban-pardons.js';
import { BansInForce } from './bans-in-force.js';
import { ClientProtection } from './client-protection.js';
import { IpTrackingEvents } from './ip-tracking-events.js';
import { KnownUserRepository } from './known-user.repository.js';
import { KnownUsers } from './known-users.js';
import { addressOf, Observations } from './observations.js';
import { toldOf } from './ban.js';
import { Responder } from './responder.js';
import { ResponseWork } from './response-work.js';
import { WouldHave } from './would-have.js';

/** What detection lets follow; null where nothing is detected. */
export const RESPONDER = token<Responder | null>('responder');
/** What it does from time to time; null where nothing is detected. */
export const RESPONSE_WORK = token<ResponseWork | null>('response-work');
const KNOWN_USERS = token<KnownUsers>('known-users');
const BANS_IN_FORCE = token<BansInForce>('bans-in-force');
const BAN_HISTORY = token<BanHistory>('ban-history');
const CLIENT_PROTECTION = token<ClientProtection>('client-protection');
const AUDIT_NOTES = token<AuditNotes>('audit-notes');
const WOULD_HAVE = token<WouldHave>('would-have');
/** Where bans are held: over the live rules, or aside where nothing follows. */
const HELD = token<HeldRules>('held-rules');
/** Told that what the database has not got has changed; the work is made later than what tells it. */
const PENDING = token<{ changed: () => void }>('pending-bans');

/** What follows from findings: bans and limits, their ends, and what is told of them. */
export const responseProviders = [
  provide(IpTrackingEvents, [OUTAGES], (outages) => {
    const events = new IpTrackingEvents();
    outages.whenTold((outage) => events.tell('outage', () => outage));
    return events;
  }),
  provide(BAN_HISTORY, [WALL_CLOCK], (now) => new BanHistory({ now, steady: steadyClock })),
  provide(AUDIT_NOTES, [], () => new AuditNotes()),
  provide(WOULD_HAVE, [WALL_CLOCK], (now) => new WouldHave(now())),
  provide(PENDING, [], () => ({ changed: () => undefined })),
  provide(HELD, [LiveRules, DETECTION_SETTINGS], (rules, settings) =>
    settings.response === 'flag' ? new HeldRules() : rules.held,
  ),
  provide(
    KNOWN_USERS,
    [Database],
    (database) => new KnownUsers((users) => new KnownUserRepository(database).seen(users)),
  ),
  provide(
    CLIENT_PROTECTION,
    [ProtectedNetworkRepository, ClientIpResolver, LiveRules, DETECTION_SETTINGS],
    (networks, resolver, rules, { neverBlock }) =>
      new ClientProtection({
        neverBlock,
        trustedProxies: resolver.trustedPrefixes,
        ownAddresses: ownAddresses(),
        announced: () => networks.all(),
        isAllowed: (ip) => rules.match(ip).allow !== null,
      }),
  ),
  provide(
    BANS_IN_FORCE,
    [LiveRules, HELD, BAN_HISTORY, PENDING, IpTrackingEvents, WALL_CLOCK],
    (rules, held, history, pending, events, now) =>
      new BansInForce({
        held,
        history,
        now,
        steady: steadyClock,
        isStored: (network, action) =>
          rules.matchStored(addressOf(network), now())[action] !== null,
        isStoredAtAll: (network, action) =>
          rules.matchStored(addressOf(network), Number.NEGATIVE_INFINITY)[action] !== null,
        onHeld: () => {
          if (held === rules.held) rules.heldChanged();
        },
        onPending: () => pending.changed(),
        onEnded: (ban, why) => {
          if (held === rules.held) events.tell('unban', () => ({ ...toldOf(ban), why }));
        },
      }),
  ),
  provide(
    RESPONDER,
    [
      DETECTION_SETTINGS,
      CRAWLER_VERIFIER,
      AddressPrivacy,
      LiveRules,
      HELD,
      BANS_IN_FORCE,
      BAN_HISTORY,
      AUDIT_NOTES,
      WOULD_HAVE,
      KNOWN_USERS,
      CLIENT_PROTECTION,
      ForwardingPeers,
      IpTrackingEvents,
      WALL_CLOCK,
    ],
    (
      settings,
      crawlers,
      addresses,
      rules,
      held,
      force,
      history,
      notes,
      wouldHave,
      users,
      protection,
      forwarders,
      events,
      now,
    ) => {
      if (!settings.isEnabled) return null;
      const secret = randomBytes(8);
      const isOn = settings.response !== 'flag';
      return new Responder({
        ceiling: settings.response,
        isOn,
        hasRealSubjects: addresses.isFull,
        mayStore: addresses.isFull || settings.storeBannedAddresses,
        rules,
        held,
        force,
        isBlocked: (network) =>
          force.of(network, now())?.action === 'block' ||
          rules.match(addressOf(network)).block !== null,
        history,
        notes,
        wouldHave,
        observations: new Observations({
          users,
          isForwarder: (ip) =>
            !forwarders.isEmpty && (isLocal(ip) || isProviderEdge(ip)) && forwarders.has(ip),
          seed: [secret.readInt32LE(0), secret.readInt32LE(4)],
        }),
        crawlers: isOn ? crawlers : null,
        events,
        protectionOf: (network, address) => protection.of(network, address),
        now,
        random: Math.random,
        warn: (message) => logger.warn(message),
      });
    },
  ),
  provide(FINDING_RESPONSE, [RESPONDER], (responder) => responder),
  provide(
    RESPONSE_WORK,
    [
      Database,
      RESPONDER,
      DETECTION_SETTINGS,
      BANS_IN_FORCE,
      BAN_HISTORY,
      AUDIT_NOTES,
      WOULD_HAVE,
      KNOWN_USERS,
      CLIENT_PROTECTION,
      BanPardons,
      PENDING,
      STATE,
      NotificationListener,
      AddressPrivacy,
      WALL_CLOCK,
    ],
    (
      database,
      responder,
      { response },
      force,
      history,
      notes,
      wouldHave,
      users,
      protection,
      pardons,
      pending,
      state,
      listener,
      addresses,
      now,
    ) => {
      if (responder === null) return null;
      const isOn = response !== 'flag';
      const follower = new BanFollower({
        remembered: (afterId) => new BanRepository(database).remembered(afterId),
        now,
        onBan: (network, { id, action, startedAtMs, endsAtMs }) => {
          if (id !== null && force.isOwn(id)) return;
          const past = action === 'block' ? 'ban' : 'limit';
          history.add(network, { action: past, startedAtMs, endsAtMs });
          responder.decisions.budgets[action].note(network, startedAtMs, now());
        },
        onPardon: (network, atMs, isNew) =>
          responder.pardoned(
            network,
            // By this process's clock, which need not be the database's: what it has seen so far was before.
            isNew ? now() : atMs,
            isNew ? countedAs(addresses, network, now()) : [],
          ),
      });
      if (isOn) {
        listener.hear(BAN_CHANNEL, follower.handlers);
        // What is not heard is asked for within the minute, and the database refuses to ban it in any case.
        const learn = (): void => void protection.learn().catch(() => undefined);
        listener.hear(PROTECTED_CHANNEL, { onNotification: learn });
      }
      const work = new ResponseWork({
        isOn,
        responder,
        force,
        notes,
        users,
        wouldHave,
        file: state === null ? null : new BanFile(state),
        follower,
        isListening: () => listener.isListening,
        learnProtected: () => protection.learn(),
        write: (events) => new BanRepository(database).note(events),
        expire: () => database.transaction((manager) => new BanRepository(manager).expire()),
        storePardons: () => pardons.storeLate(),
        forgetUsers: () => new KnownUserRepository(database).forgetOld(),
        now,
        after: afterTimer,
        isPassing: isTransient,
        warn: (message) => logger.warn(message),
        log: (message) => logger.log(message),
      });
      if (isOn) pending.changed = () => work.pendingChanged();
      return work;
    },
  ),
  provide(
    BanPardons,
    [Database, RESPONDER, BANS_IN_FORCE, DETECTION_SETTINGS, AddressPrivacy, WALL_CLOCK],
    (database, responder, force, { response }, addresses, now) =>
      new BanPardons({
        inTransaction: (work) =>
          database.transaction((manager) => work(new BanRepository(manager))),
        onPardon: (network, atMs) =>
          responder?.pardoned(network, atMs, countedAs(addresses, network, atMs)),
        held: (network) => (response === 'flag' ? [] : force.heldIn(network)),
        now,
      }),
  ),
  provide(PARDONS, [BanPardons], (pardons) => pardons),
  provide(
    BanService,
    [Database, BANS_IN_FORCE, DETECTION_SETTINGS, WALL_CLOCK],
    (database, force, { response }, now) =>
      new BanService(
        new BanRepository(database),
        () => (response === 'flag' ? [] : force.list()),
        now,
      ),
  ),
];

/** The clients of a network, and the forms in which they are counted. */
function countedAs(
  addresses: AddressPrivacy,
  network: Parameters<typeof clientsIn>[0],
  nowMs: number,
): ReturnType<typeof clientsIn> {
  return clientsIn(network).flatMap((ip) => {
    const stored = addresses.stored(ip, nowMs);
    return stored === null || stored.equals(ip) ? [ip] : [ip, stored];
  });
}
