import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { namespace, startTestServer } from './api-server.ts';

const server = await startTestServer();
after(server.stop);

test('recipe rbac prints roles that the API server accepts, and that let a user do exactly that', async () => {
  await server.apply(...namespace('images'));
  const { code, stdout, stderr } = await server.preload('recipe', 'rbac', '--verbs', 'status', '-n', 'images');
  assert.deepEqual([code, stderr], [0, '']);
  await server.kubectl(['apply', '-f', '-'], stdout);
  for (const [, command = ''] of stdout.matchAll(/^# {3}kubectl (create .*)$/gm))
    await server.kubectl(command.replace('--user=NAME', '--user=reader').split(' '));
  assert.deepEqual(await server.preload('status', '-n', 'images', '--as', 'reader'), {
    ...{ code: 0, stdout: '' },
    stderr: 'No resources found in images namespace.\n',
  });
  for (const argv of [['status'], ['create', 'web', 'nginx:1', '-n', 'images'], ['delete', 'web', '-n', 'images']]) {
    const refused = await server.preload(...argv, '--as', 'reader');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^Error from server \(Forbidden\): /m);
  }
});

test('recipe rbac allows all verbs by default, but nobody to read Secrets elsewhere', async () => {
  const { stdout } = await server.preload('recipe', 'rbac');
  await server.kubectl(['apply', '--dry-run=server', '-f', '-'], stdout);
  const resources = (loadAll(stdout) as { kind: string; rules: { resources: string[] }[] }[]).map(({ kind, rules }) => [
    kind,
    rules.some((rule) => rule.resources.includes('secrets')),
  ]);
  assert.deepEqual(resources, [
    ['Role', true],
    ['ClusterRole', false],
  ]);
  assert.match(
    stdout,
    /^ {2}# to capture private images .*:\n {2}# - apiGroups: \[""\]\n {2}# {3}resources: \[secrets\]$/m,
  );
});
