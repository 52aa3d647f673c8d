/** Whom the server should take us for, as in a kubeconfig. */
export interface Impersonation {
  as: string;
  'as-uid': string;
  'as-groups': readonly string[];
  'as-user-extra': Readonly<Record<string, readonly string[]>>;
}

/** Returns client-go's headers for it: one for each group and each value. */
export const impersonationHeaders = (user: Impersonation): Record<string, string[]> => {
  const extra = Object.entries(user['as-user-extra']).map(([key, values]) => [extraHeader(key), values] as const);
  const headers = [
    ['impersonate-user', [user.as].filter(Boolean)],
    ['impersonate-uid', [user['as-uid']].filter(Boolean)],
    ['impersonate-group', user['as-groups']],
    ...extra,
  ] as const;
  return Object.fromEntries(headers.map(([name, values]) => [name, values.map(utf8)]));
};

/** Percent-encodes what the name of a header cannot have. */
const extraHeader = (key: string): string => {
  const escaped = key.replace(/[^!#$&'*+\-.^_`|~0-9A-Za-z]/gu, (letter) =>
    [...Buffer.from(letter)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
  return `impersonate-extra-${escaped}`;
};

/** Headers are written with one byte for each letter. */
const utf8 = (value: string): string => Buffer.from(value).toString('latin1');
