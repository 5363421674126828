/** What each option is where it is left out: a value, or null where its absence means something of its own. */
export type Defaults<Options> = {
  readonly [Name in keyof Options]-?: Exclude<Options[Name], undefined> | null;
};

/** Options with every default filled in: those with a default are always there, null among them where that is it. */
export type Filled<Options, Given extends Partial<Defaults<Options>>> = {
  readonly [Name in keyof Options as Name extends keyof Given ? Name : never]-?:
    | Exclude<Options[Name], undefined>
    | (Name extends keyof Given ? Extract<Given[Name], null> : never);
};

/** Puts options over their defaults; `undefined` is as good as absent. */
export function filled<Options extends object, Given extends Partial<Defaults<Options>>>(
  options: Options | undefined,
  defaults: Given,
): Filled<Options, Given> {
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value]),
  ) as Filled<Options, Given>;
}
