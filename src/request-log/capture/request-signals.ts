import type { AnswerHeaders, RequestContext } from '../../edge/request-context.js';
import { MessageContext } from '../../edge/request-context.js';
import type { RequestFacts } from '../../signals/request-facts.js';
import type { SignalReader } from '../../signals/signal-reader.js';
import { bitsOf } from '../../signals/signal.js';
import { ownProbesInWords, ownSecretsInWords } from './own-probes.js';
import type { OwnEntry } from '../../signals/own-path.js';
import type { LogRecord } from '../record/request-record.js';
import type { AttemptedUsers } from './attempted-users.js';

const FAILURE = bitsOf(['auth-failure']);
const SUCCESS = bitsOf(['auth-success']);

/** Looks at what a request shows by itself, once it has ended. */
export class RequestSignals {
  private reader: SignalReader | null = null;

  constructor(
    /** Made when the first request has ended: by then the app has all its routes. */
    private readonly makeReader: () => SignalReader,
    private readonly users: AttemptedUsers,
    /** Which listed probes the app's own routes name. */
    private readonly ownEntries: () => readonly OwnEntry[],
  ) {}

  /** What there is to be said at boot, once the app has all its routes. */
  atBoot(): { note: string | null; warning: string | null } {
    const entries = this.ownEntries();
    return { note: ownProbesInWords(entries), warning: ownSecretsInWords(entries) };
  }

  /**
   * Writes a request's signals on its record. What a stored rule has refused is not looked at: it never counts, or a ban
   * would renew itself. Of a message there is nothing to be seen but what the app has said of it.
   */
  note(record: LogRecord, context: RequestContext, isLogin: boolean): void {
    if (context.blockReason === 'rule') return;
    if (context instanceof MessageContext) {
      if (context.authReport !== null) {
        record.signals = context.authReport === 'failure' ? FAILURE : SUCCESS;
      }
    } else {
      this.reader ??= this.makeReader();
      record.signals = this.reader(factsOf(record, context, isLogin));
    }
    const bits = record.signals ?? 0;
    if ((bits & (FAILURE | SUCCESS)) !== 0) record.attemptedUser = this.userOf(context, bits);
  }

  private userOf(context: RequestContext, bits: number): string | null {
    const isSuccess = (bits & SUCCESS) !== 0;
    const user = context.attemptedUser ?? (isSuccess ? context.user() : null);
    return user === null ? null : this.users.of(user);
  }
}

function factsOf(record: LogRecord, context: RequestContext, isLogin: boolean): RequestFacts {
  const { headers } = context;
  return {
    method: context.method,
    target: context.url,
    host: textOf(headers?.host ?? headers?.[':authority']),
    routePattern: record.route,
    isSensitive: record.sensitive,
    // Where nothing says so, the path may.
    isLogin: isLogin || null,
    outcome: record.outcome,
    status: record.status,
    userAgent: textOf(context.userAgent),
    referer: textOf(headers?.referer),
    accept: textOf(headers?.accept),
    secFetchMode: textOf(headers?.['sec-fetch-mode']),
    secFetchDest: textOf(headers?.['sec-fetch-dest']),
    secFetchSite: textOf(headers?.['sec-fetch-site']),
    secFetchUser: textOf(headers?.['sec-fetch-user']),
    responseType: contentTypeOf(context.answer),
    reported: context.authReport,
  };
}

function contentTypeOf(answer: AnswerHeaders | null): string | null {
  const type = answer?.getHeader('content-type');
  return typeof type === 'string' ? type : null;
}

/** Node gives a list for a header that it does not know to come once. */
function textOf(value: string | string[] | undefined): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' ? value : (value[0] ?? null);
}
