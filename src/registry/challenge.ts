/** How a registry wants to be asked, from its WWW-Authenticate header. */
export type Challenge = { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string; scope?: string };

const CHALLENGE = /([\w-]+)\s+((?:[\w-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)\s*,?\s*)+)/g;
const PARAMETER = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;

/** The best way in that `header` offers, or undefined where it offers none known. */
export const parseChallenge = (header: string | string[] | undefined): Challenge | undefined => {
  const challenges = [header ?? []].flat().flatMap((line) => [...line.matchAll(CHALLENGE)].map(toChallenge));
  return challenges.find((challenge) => challenge?.scheme === 'bearer') ?? challenges.find(Boolean);
};

const toChallenge = ([, scheme = '', parameters = '']: RegExpMatchArray): Challenge | undefined => {
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' };
  const values = new Map(
    [...parameters.matchAll(PARAMETER)].map(([, name = '', quoted, bare]) => [
      name.toLowerCase(),
      quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '',
    ]),
  );
  const [realm, service, scope] = [values.get('realm'), values.get('service'), values.get('scope')];
  if (scheme.toLowerCase() !== 'bearer' || !realm) return undefined;
  return { scheme: 'bearer', realm, ...(service && { service }), ...(scope && { scope }) };
};
