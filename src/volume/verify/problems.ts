import type { Problem } from '../../model/verification.ts';

/** Problems found so far; only the first per path, because the same damage often shows several times. */
export interface Problems {
  add: (path: string, problem: string, images?: string[]) => void;
  has: (path: string) => boolean;
  all: () => Problem[];
}

export const collectProblems = (): Problems => {
  const found = new Map<string, Problem>();
  return {
    add: (path, problem, images) => {
      if (!found.has(path)) found.set(path, { path, problem, ...(images && { images }) });
    },
    has: (path) => found.has(path),
    all: () => [...found.values()],
  };
};
