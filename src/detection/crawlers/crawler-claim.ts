import { CRAWLERS, type Crawler } from './crawlers.js';

/** Longer than any crawler's user agent; what comes after is not looked at. */
const MAX_AGENT_LENGTH = 1_024;

/**
 * What Google adds to the user agent of a program of its customers that fetches through App Engine, whatever the program
 * says it is (https://cloud.google.com/appengine/docs/legacy/standard/python/outbound-requests).
 */
const CUSTOMER_PROGRAM = 'appengine-google';

/** The crawlers that a user agent says it is; none for one that says nothing, or names nobody who can be verified. */
export function claimedCrawlers(userAgent: string | null): Crawler[] {
  if (userAgent === null) return [];
  const agent = userAgent.slice(0, MAX_AGENT_LENGTH).toLowerCase();
  if (agent.includes(CUSTOMER_PROGRAM)) return [];
  return CRAWLERS.filter(({ tokens }) => tokens.some((token) => holdsWord(agent, token)));
}

/** Whether a token stands at the beginning of a word. `NotGooglebot` claims nothing; `Googlebot-Image` is Google's. */
function holdsWord(agent: string, token: string): boolean {
  for (let at = agent.indexOf(token); at >= 0; at = agent.indexOf(token, at + 1)) {
    if (at === 0 || !isWordCharacter(agent.charCodeAt(at - 1))) return true;
  }
  return false;
}

function isWordCharacter(code: number): boolean {
  const isDigit = code >= 48 && code <= 57;
  const isLetter = code >= 97 && code <= 122;
  return isDigit || isLetter || code === 45 || code === 95;
}
