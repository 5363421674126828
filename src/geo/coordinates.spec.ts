import { describe, expect, it } from 'vitest';
import { cleanCoordinates, coordinatesOfRecord, distanceKm } from './coordinates.js';

const at = (latitude: number, longitude: number, accuracyKm = 0) => ({
  latitude,
  longitude,
  accuracyKm,
});

describe('distances', () => {
  it.each([
    ['Berlin and Munich', at(52.52, 13.405), at(48.137, 11.575), 504],
    ['London and Sydney', at(51.507, -0.128), at(-33.869, 151.209), 16_994],
    ['over the date line', at(0.1, 179.9), at(0.1, -179.9), 22],
    ['the poles', at(90, 0), at(-90, 0), 20_015],
  ])('between %s', (_, one, other, km) => {
    expect(distanceKm(one, other)).toBeGreaterThan(km - 5);
    expect(distanceKm(one, other)).toBeLessThan(km + 5);
    expect(distanceKm(other, one)).toBeCloseTo(distanceKm(one, other), 6);
  });

  it('are less by what may be wrong about both, and never less than nothing', () => {
    const apart = distanceKm(at(52.52, 13.405, 100), at(48.137, 11.575, 50));
    expect(apart).toBeGreaterThan(349);
    expect(apart).toBeLessThan(359);
    expect(distanceKm(at(52.52, 13.405, 400), at(48.137, 11.575, 400))).toBe(0);
  });
});

describe('coordinates of a record', () => {
  it('are those of MaxMind', () => {
    const location = { latitude: 52.5, longitude: 13.4, accuracy_radius: 20 };
    expect(coordinatesOfRecord({ location })).toEqual(at(52.5, 13.4, 20));
    expect(coordinatesOfRecord({ location: { latitude: 52.5, longitude: 13.4 } })?.accuracyKm).toBe(
      200,
    );
  });

  it.each([[null], [{}], [{ location: 'x' }], [{ location: { latitude: 91, longitude: 0 } }]])(
    'are none of %o',
    (record) => expect(coordinatesOfRecord(record)).toBeNull(),
  );

  it('are none where they stand for not knowing', () => {
    expect(cleanCoordinates(0, 0, 1)).toBeNull();
    expect(cleanCoordinates(Number.NaN, 3, 1)).toBeNull();
  });
});
