export const STATUSES = ['ok', 'warning', 'problem', 'unknown'] as const;

/** `problem` if create would fail, `warning` if preloading helps less than it could, `unknown` if it cannot be seen. */
export type Status = (typeof STATUSES)[number];

/** What a check of the cluster has found. */
export interface Finding {
  status: Status;
  details: string;
  /** what helps */
  hint?: string;
  /** all names of which `details` has the first ones */
  items?: string[];
}

/** One line of the report, as `-o json` and `-o yaml` print it. */
export interface CheckResult extends Finding {
  /** stable, such as `storage-class` */
  check: string;
  title: string;
}

export const ok = (details: string): Finding => ({ status: 'ok', details });

export const warning = (details: string, hint: string, items?: string[]): Finding => ({
  ...{ status: 'warning', details, hint },
  ...(items && { items }),
});

export const problem = (details: string, hint?: string): Finding => ({
  status: 'problem',
  details,
  ...(hint && { hint }),
});

export const unknown = (details: string, hint?: string): Finding => ({
  status: 'unknown',
  details,
  ...(hint && { hint }),
});
