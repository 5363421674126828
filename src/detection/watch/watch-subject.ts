import type { IpAddress } from '../../net/ip-address.js';
import { trackerKey } from '../../net/tracker-key.js';
import type { SubjectKind } from '../detector.js';
import type { WatchEvent } from './watch-event.js';

/** The user whom a request was about: the one it tried to be, else the one it was. */
export function userOf({ attemptedUser, userId }: WatchEvent): string | null {
  return attemptedUser ?? userId;
}

export function clientOf({ client }: WatchEvent): string | null {
  return client === null ? null : clientText(client);
}

/** A client in as few characters as there are: to write an address out takes longer than to hash it. */
export function clientText({ family, w0, w1 }: IpAddress): string {
  return family === 4
    ? String.fromCharCode(w0 >>> 16, w0 & 0xffff)
    : String.fromCharCode(w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff);
}

/** What a subject is counted under. */
export function subjectTextOf(kind: SubjectKind, event: WatchEvent): string | null {
  return kind === 'client' ? clientOf(event) : subjectOf(kind, event);
}

/** A subject as it is stored. */
export function subjectOf(kind: SubjectKind, event: WatchEvent): string | null {
  if (kind === 'user') return event.userId;
  if (kind === 'route') return event.route;
  return event.client === null ? null : trackerKey(event.client);
}
