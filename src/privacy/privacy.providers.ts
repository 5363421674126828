import { provide } from '../provide.js';
import { AddressPrivacy } from './address-privacy.js';
import { PRIVACY_SETTINGS } from './privacy.options.js';
import { RecordPrivacy } from './record-privacy.js';

/** What stands between a request and whatever keeps its record. */
export const privacyProviders = [
  provide(RecordPrivacy, [PRIVACY_SETTINGS], (settings) => new RecordPrivacy(settings)),
  provide(AddressPrivacy, [PRIVACY_SETTINGS], (settings) => new AddressPrivacy(settings)),
];
