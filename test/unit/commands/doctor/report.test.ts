import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createStyle } from '../../../../src/cli/progress.ts';
import { describeReport, formatReport, reportOf } from '../../../../src/commands/doctor/report.ts';
import type { CheckResult } from '../../../../src/model/finding.ts';

const CHECKS: CheckResult[] = [
  { check: 'api-server', title: 'API server', status: 'ok', details: 'v1.34.4' },
  { check: 'pull-policy', title: 'Pull policy', status: 'warning', details: 'two', hint: 'fix', items: ['a', 'b'] },
  { check: 'rights', title: 'Your rights', status: 'problem', details: 'none' },
  { check: 'containerd', title: 'containerd', status: 'unknown', details: 'not allowed to list nodes' },
];
const report = reportOf('shop', CHECKS);
const plain = createStyle(false);

test('the table has a line for each check, and hints below', () => {
  assert.equal(
    formatReport(report, undefined, plain),
    [
      'STATUS   CHECK         DETAILS',
      '✓        API server    v1.34.4',
      '!        Pull policy   two',
      '                       hint: fix',
      '✗        Your rights   none',
      '?        containerd    not allowed to list nodes',
    ].join('\n'),
  );
});

test('colours change nothing but colours', () => {
  const coloured = formatReport(report, undefined, createStyle(true));
  assert.ok(coloured.includes('\u001b['));
  assert.equal(stripVTControlCharacters(coloured), formatReport(report, undefined, plain));
});

test('what the cluster says cannot control the terminal', () => {
  const hostile = { ...CHECKS[0], details: 'a\u001b[2Jb\nc', hint: 'd\u001b[2J' } as CheckResult;
  const text = formatReport(reportOf('shop', [hostile]), undefined, plain);
  assert.ok(!text.includes('\u001b'));
  assert.equal(text.split('\n').length, 3);
});

test('the document has stable names, and counts', () => {
  const document = JSON.parse(formatReport(report, 'json', plain));
  assert.deepEqual(document, {
    apiVersion: 'kubectl-preload/v1',
    kind: 'DoctorReport',
    namespace: 'shop',
    summary: { ok: 1, warning: 1, problem: 1, unknown: 1 },
    checks: CHECKS,
  });
});

test('the summary leaves out what was not found', () => {
  assert.equal(describeReport(report), '4 checks: 1 ok, 1 warning, 1 problem, 1 unknown');
  assert.equal(describeReport(reportOf('shop', CHECKS.slice(0, 1))), '1 check: 1 ok');
});
