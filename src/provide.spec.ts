import type { FactoryProvider } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { provide, provideNamed, token } from './provide.js';

class Engine {
  readonly power = 66;
}
class Wheels {
  readonly count = 4;
}
class Car {
  constructor(
    readonly engine: Engine,
    readonly wheels: Wheels,
  ) {}
}

const COLOUR = token<string>('colour');
const SEATS = token<number>('seats');
const CAR_WORDS = token<string>('car-words');

const PARTS = new Map<unknown, unknown>([
  [Engine, new Engine()],
  [Wheels, new Wheels()],
  [COLOUR, 'red'],
  [SEATS, 5],
]);

/** As Nest does it. */
function made({ inject = [], useFactory }: FactoryProvider): unknown {
  return useFactory(...inject.map((part) => PARTS.get(part)));
}

describe('provide', () => {
  it('makes a part of others, of classes and of what tokens stand for', () => {
    const provider = provide(Car, [Engine, Wheels], (engine, wheels) => new Car(engine, wheels));
    expect(provider.provide).toBe(Car);
    expect(made(provider)).toEqual(new Car(new Engine(), new Wheels()));
    const words = provide(
      CAR_WORDS,
      [COLOUR, SEATS, Engine],
      (colour, seats, { power }) => `${colour.toUpperCase()} ${seats.toFixed(1)} ${power}`,
    );
    expect(made(words)).toBe('RED 5.0 66');
  });

  it('takes a factory that does not need all of them, or that promises', async () => {
    expect(made(provide(SEATS, [Engine, Wheels], ({ power }) => power))).toBe(66);
    await expect(made(provide(SEATS, [], () => Promise.resolve(5)))).resolves.toBe(5);
  });

  /** What the compiler refuses would be found by a user otherwise: nothing notices it while the app runs. */
  it('is no program where the order is swapped', () => {
    const assemble = (engine: Engine, wheels: Wheels) => new Car(engine, wheels);
    // @ts-expect-error: classes that come in another order
    const swapped = provide(Car, [Wheels, Engine], assemble);
    expect((made(swapped) as Car).engine).toBeInstanceOf(Wheels);

    const describeCar = (colour: string, seats: number) => `${colour} ${seats}`;
    // @ts-expect-error: tokens that come in another order
    const words = provide(CAR_WORDS, [SEATS, COLOUR], describeCar);
    expect(made(words)).toBe('5 red');
  });

  it('is no program where something else is made', () => {
    // @ts-expect-error: an engine is no car
    const wrong = provide(Car, [Engine], (engine) => engine);
    expect(made(wrong)).toBeInstanceOf(Engine);
    // @ts-expect-error: a text is no number
    expect(made(provide(SEATS, [COLOUR], (colour) => colour))).toBe('red');
    // @ts-expect-error: nor is it one that is promised
    expect(made(provide(SEATS, [], () => Promise.resolve('five')))).toBeInstanceOf(Promise);
  });

  it('is no program where a part is missing', () => {
    const assemble = (engine: Engine, wheels: Wheels) => new Car(engine, wheels);
    // @ts-expect-error: nobody hands the wheels over
    const wheelless = provide(Car, [Engine], assemble);
    expect((made(wheelless) as Car).wheels).toBeUndefined();
  });
});

describe('provideNamed', () => {
  interface CarParts {
    engine: Engine;
    colour: string;
    seats: number;
  }
  const inWords = ({ engine, colour, seats }: CarParts) => `${colour} ${seats} ${engine?.power}`;

  it('hands parts over by their names, in whatever order', () => {
    const provider = provideNamed<string, CarParts>(
      CAR_WORDS,
      { seats: SEATS, engine: Engine, colour: COLOUR },
      inWords,
    );
    expect(provider.provide).toBe(CAR_WORDS);
    expect(made(provider)).toBe('red 5 66');
  });

  it('is no program where a part is missing', () => {
    const tokens = { seats: SEATS, colour: COLOUR };
    // @ts-expect-error: the engine has no token
    const provider = provideNamed<string, CarParts>(CAR_WORDS, tokens, inWords);
    expect(made(provider)).toBe('red 5 undefined');
  });

  it('is no program where a name stands for another part', () => {
    const tokens = { seats: COLOUR, engine: Engine, colour: SEATS };
    // @ts-expect-error: colour and seats have each other's token
    const provider = provideNamed<string, CarParts>(CAR_WORDS, tokens, inWords);
    expect(made(provider)).toBe('5 red 66');
  });

  it('is no program where something else is made', () => {
    const tokens = { engine: Engine };
    const itself = ({ engine }: { engine: Engine }) => engine;
    // @ts-expect-error: an engine is no text
    const provider = provideNamed<string, { engine: Engine }>(CAR_WORDS, tokens, itself);
    expect(made(provider)).toBeInstanceOf(Engine);
  });
});
