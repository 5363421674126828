import type { RequestFacts } from '../../src/signals/request-facts.js';
import { createSignalReader } from '../../src/signals/signal-reader.js';
import { namesOf, PAYLOADS, type SignalName } from '../../src/signals/signal.js';

/** A browser's GET that no route matched, with whatever a test changes. */
export function requestFacts(changes: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'GET',
    target: '/',
    host: 'shop.example',
    routePattern: null,
    isSensitive: false,
    isLogin: false,
    outcome: 'unmatched',
    status: 404,
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
    referer: null,
    secFetchMode: null,
    secFetchDest: null,
    secFetchSite: null,
    secFetchUser: null,
    accept: null,
    responseType: 'application/json; charset=utf-8',
    reported: null,
    ...changes,
  };
}

const read = createSignalReader();

/** The payloads in a target, plain, escaped once or twice, in the path, in a value or in a name. */
export function payloadsOf(target: string): SignalName[] {
  return namesOf(read(requestFacts({ target })) & PAYLOADS);
}
