/** A point on the earth, and how far from it the truth may be. */
export interface GeoCoordinates {
  /** In degrees, north positive. */
  readonly latitude: number;
  /** In degrees, east positive. */
  readonly longitude: number;
  /** The radius around it within which the address is thought to be, in kilometres. */
  readonly accuracyKm: number;
}

const EARTH_RADIUS_KM = 6_371;
/** Of data that does not say how exact it is. */
const UNKNOWN_ACCURACY_KM = 200;

/** Coordinates as files of MaxMind's format have them, in `location`; null where there are none. */
export function coordinatesOfRecord(record: unknown): GeoCoordinates | null {
  const { location } = (record ?? {}) as { location?: unknown };
  const {
    latitude,
    longitude,
    accuracy_radius: accuracyKm,
  } = (location ?? {}) as Record<string, unknown>;
  return cleanCoordinates(latitude, longitude, accuracyKm);
}

/** Coordinates that are any; null for what is no place on the earth, and for 0/0, which stands for not knowing. */
export function cleanCoordinates(
  latitude: unknown,
  longitude: unknown,
  accuracyKm: unknown,
): GeoCoordinates | null {
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return null;
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  if (latitude === 0 && longitude === 0) return null;
  const isKnown = typeof accuracyKm === 'number' && accuracyKm > 0 && accuracyKm <= 20_000;
  return { latitude, longitude, accuracyKm: isKnown ? accuracyKm : UNKNOWN_ACCURACY_KM };
}

/** How far two points are from each other on the earth, in kilometres, after what may be wrong about both. */
export function distanceKm(one: GeoCoordinates, other: GeoCoordinates): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const byLatitude = Math.sin(radians(other.latitude - one.latitude) / 2) ** 2;
  const byLongitude = Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  const shrunk = Math.cos(radians(one.latitude)) * Math.cos(radians(other.latitude));
  const chord = Math.min(1, byLatitude + shrunk * byLongitude);
  const apart = 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(chord));
  return Math.max(0, apart - one.accuracyKm - other.accuracyKm);
}
