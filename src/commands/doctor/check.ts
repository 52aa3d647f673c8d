import { ApiError, PreloadError } from '../../model/errors.ts';
import { type Finding, problem, unknown } from '../../model/finding.ts';
import { USAGE_NAME } from '../../model/names.ts';
import type { Survey } from './survey.ts';

export interface Check {
  /** stable; in JSON */
  id: string;
  title: string;
  /** what helps if it is not ok, unless the finding says */
  hint?: string;
  /** undefined if there is nothing to say */
  check: (survey: Survey) => Promise<Finding | undefined>;
}

/** Whatever happens to a check, it is a finding of its own. Throws only if the user has interrupted the command. */
export const runCheck = async (
  { check, hint }: Check,
  survey: Survey,
  interrupt: AbortSignal,
): Promise<Finding | undefined> => {
  const found = await check(survey).catch((error: unknown) => {
    interrupt.throwIfAborted();
    return survey.signal.aborted ? unknown('not checked in time', 'raise --timeout') : findingOf(error);
  });
  if (!found || !hint || found.hint || !['warning', 'problem'].includes(found.status)) return found;
  return { ...found, hint };
};

/** What an error that a check did not expect says about the cluster. */
export const findingOf = (error: unknown): Finding => {
  if (error instanceof ApiError) {
    const denied = deniedAccess(error);
    return unknown(denied ? `not allowed to ${denied}` : `the API server refused: ${error.message}`);
  }
  if (error instanceof PreloadError) return problem(error.message, error.hint);
  const message = error instanceof Error ? error.message : String(error);
  return unknown(`this check failed: ${message}`, `this is a bug in ${USAGE_NAME}; please report it`);
};

const DENIED = /cannot (\S+) resource "([^"]+)" in API group "([^"]*)"/;

/** `list nodes`, if this user's role does not allow the request; undefined if anything else refused it. */
export const deniedAccess = ({ reason, message }: ApiError): string | undefined => {
  if (reason !== 'Forbidden') return undefined;
  const [, verb, resource, group] = DENIED.exec(message) ?? [];
  return verb && [verb, [resource, group].filter(Boolean).join('.')].join(' ');
};
