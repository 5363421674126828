import { clientText } from '../../net/client-key.js';
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
