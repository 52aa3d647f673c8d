import { asDocument } from '../../cli/document.ts';
import { formatJson, formatTable, formatYaml } from '../../cli/output.ts';
import type { Style } from '../../cli/progress.ts';
import { type CheckResult, STATUSES, type Status } from '../../model/finding.ts';
import { plainLines } from '../../model/parse.ts';
import { plural } from '../../model/units.ts';

type Marks = Record<Status, string>;

const PLAIN: Marks = { ok: '✓', warning: '!', problem: '✗', unknown: '?' };

export interface Report {
  namespace: string;
  /** how many checks have this result */
  summary: Record<Status, number>;
  checks: CheckResult[];
}

export const reportOf = (namespace: string, checks: CheckResult[]): Report => {
  const count = (status: Status) => checks.filter((check) => check.status === status).length;
  const [ok, warning, problem, unknown] = STATUSES.map(count);
  return {
    namespace,
    summary: { ok: ok ?? 0, warning: warning ?? 0, problem: problem ?? 0, unknown: unknown ?? 0 },
    checks,
  };
};

export const formatReport = (report: Report, output: 'json' | 'yaml' | undefined, style: Style): string => {
  if (output === 'json') return formatJson(asDocument('DoctorReport', report));
  if (output === 'yaml') return formatYaml(asDocument('DoctorReport', report));
  const rows = report.checks.map(({ status, title, details }) => [PLAIN[status], title, details]);
  const [head = '', ...lines] = formatTable(['STATUS', 'CHECK', 'DETAILS'], rows).split('\n');
  const indent = ' '.repeat(head.indexOf('DETAILS'));
  const coloured: Marks = { ...PLAIN, ok: style.ok, warning: style.warning, problem: style.failed };
  const shown = report.checks.map(({ status, hint }, index) => {
    const line = `${coloured[status]}${lines[index]?.slice(1) ?? ''}`;
    return hint ? `${line}\n${indent}${style.hint('hint:')} ${plainLines(hint)}` : line;
  });
  return [head, ...shown].join('\n');
};

/** `20 checks: 17 ok, 2 warnings, 1 problem` */
export const describeReport = ({ checks, summary: { ok, warning, problem, unknown } }: Report): string => {
  const parts = [
    `${ok} ok`,
    ...(warning > 0 ? [plural(warning, 'warning')] : []),
    ...(problem > 0 ? [plural(problem, 'problem')] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
  ];
  return `${plural(checks.length, 'check')}: ${parts.join(', ')}`;
};
