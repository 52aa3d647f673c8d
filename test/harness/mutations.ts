import fc from 'fast-check';

/** Values that a stranger may write where something else is expected. */
const HOSTILE: unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, '', [], {}],
  ...[
    'sha256:../../etc/passwd',
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'a'.repeat(128)}`,
    '../..',
    '/etc/passwd',
    '\u001b[31m',
  ],
  ...['a\nb', '$(id)', '`id`', '%s%n', 'x'.repeat(10_000), '__proto__', { length: 1 }, [[[[]]]]],
];

/** A path in a JSON document: which of its values to replace, and how. */
export interface Mutation {
  /** picks the value, modulo the number of values */
  place: number;
  /** whether to put something of the same kind there, instead of `value` */
  similar: boolean;
  /** undefined removes it */
  value: unknown;
}

/** Most mutations leave the document valid, so that several of them get past the first checks. */
export const mutation: fc.Arbitrary<Mutation> = fc.record({
  place: fc.nat(),
  similar: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  value: fc.oneof(fc.constantFrom(undefined, ...HOSTILE), fc.jsonValue({ maxDepth: 2 }), fc.string()),
});

/** A copy of `document` with these mutations. */
export const mutate = (document: unknown, mutations: readonly Mutation[]): unknown => {
  const copy = structuredClone(document);
  for (const { place, similar, value: other } of mutations) {
    const places = placesIn(copy);
    const found = places[place % places.length];
    if (!found) continue;
    const [parent, key] = found;
    const value = similar ? like(parent[key]) : other;
    if (value === undefined && !Array.isArray(parent)) delete parent[key];
    else
      Object.defineProperty(parent, key, {
        value: structuredClone(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return copy;
};

/** Another value of the same kind. */
const like = (value: unknown): unknown => {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return value.replace(/[0-9a]$/, (last) => (last === '1' ? '2' : '1'));
  return value;
};

type Parent = Record<string, unknown>;

const placesIn = (value: unknown): [Parent, string][] => {
  if (typeof value !== 'object' || value === null) return [];
  const parent = value as Parent;
  return Object.keys(parent).flatMap((key): [Parent, string][] => [[parent, key], ...placesIn(parent[key])]);
};
