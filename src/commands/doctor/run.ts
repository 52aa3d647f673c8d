import type { Context } from '../../cli/context.ts';
import { connect } from '../../cluster/connection.ts';
import { serverVersion } from '../../cluster/rest.ts';
import { PreloadError } from '../../model/errors.ts';
import type { CheckResult } from '../../model/finding.ts';
import { forEachParallel } from '../../model/parallel.ts';
import { plural } from '../../model/units.ts';
import { withDeadline } from '../deadline.ts';
import { runCheck } from './check.ts';
import { CHECKS } from './checks.ts';
import type { DoctorOptions } from './command.ts';
import { describeReport, formatReport, type Report, reportOf } from './report.ts';
import { createSurvey, type Survey } from './survey.ts';

const AT_ONCE = 4;
const TITLE = 'Checking the cluster';

/** Prints a line for each check. Throws PreloadError if create would fail. */
export const runDoctor = async (options: DoctorOptions, context: Context): Promise<void> => {
  const cluster = await connect(options, context.env, context.progress.warn);
  await withDeadline(options.timeout, context, async (limited) => {
    const survey = createSurvey(cluster, options, limited);
    const report = await checkAll(survey, context);
    context.print(formatReport(report, options.output, context.resultStyle));
    const { problem } = report.summary;
    if (problem > 0) throw new PreloadError(`create would fail: ${plural(problem, 'problem')} found`);
  });
};

const checkAll = async (survey: Survey, { progress, signal: interrupt }: Context): Promise<Report> => {
  const { cluster, signal } = survey;
  const details = await serverVersion(cluster, signal); // without an answer, there is nothing to check
  const results = new Map<string, CheckResult>();
  progress.start(TITLE);
  let done = 0;
  await forEachParallel(CHECKS, AT_ONCE, async (check) => {
    const found = await runCheck(check, survey, interrupt);
    if (found) results.set(check.id, { check: check.id, title: check.title, ...found });
    done += 1;
    progress.update(`${TITLE} · ${done}/${plural(CHECKS.length, 'check')}`);
  });
  const server: CheckResult = { check: 'api-server', title: 'API server', status: 'ok', details };
  const report = reportOf(cluster.namespace, [server, ...CHECKS.flatMap(({ id }) => results.get(id) ?? [])]);
  progress.done(describeReport(report));
  return report;
};
