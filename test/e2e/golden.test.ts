import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { helpTexts } from '../../src/program.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import { terminalPicture } from '../harness/terminal-picture.ts';
import {
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  said,
  startOnTerminal,
  startPreload,
} from './support/commands.ts';
import { assertGolden, formatsOf, isUpdate } from './support/golden.ts';

// What every verb prints in every format, compared with files. After a wanted change: UPDATE_GOLDEN=1 writes them, and draws
// the pictures of the README.

const NAMESPACE = 'golden';
const IMAGES = [sample('ops/probe:1.0')];
const PICTURES = join(import.meta.dirname, '../../.github/pictures');

/** Without pods, so that nothing depends on when they start. */
const workload = {
  ...{
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'probe', namespace: NAMESPACE, labels: { app: 'golden' } },
  },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'golden' } },
    template: { metadata: { labels: { app: 'golden' } }, spec: { containers: [{ name: 'probe', image: IMAGES[0] }] } },
  },
};

before(async () => {
  await createNamespace(NAMESPACE);
  await kubectl(['create', '-f', '-'], workload);
  await createPreload(NAMESPACE, 'web', IMAGES);
  await createPreload(NAMESPACE, 'nightly-1', [...IMAGES, sample('cache/sessions:3')]);
});
after(() => deleteNamespaces(NAMESPACE));

const VERBS: Readonly<Record<string, readonly string[]>> = {
  // with a size, because a plan depends on what the node has reported by then
  create: ['create', 'shown', ...IMAGES, '--size', '1Gi'],
  images: ['images', '--selector', 'app=golden'],
  status: ['status'],
  'status of one': ['status', 'web'],
  diff: ['diff', 'web', 'nightly-1'],
  verify: ['verify', 'web'],
  recipe: ['recipe', 'cloud-init', 'web'],
  delete: ['delete', 'web', '--dry-run=client'],
  doctor: ['doctor'],
  completion: ['completion'],
  version: ['version'],
};

/** Without pictures. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  'create as a dry run': ['create', 'shown', ...IMAGES, '--size', '1Gi', '--dry-run=client'],
  'status with jsonpath': ['status', '-o', 'jsonpath={.items[*].name}'],
  'recipe for kubeadm': ['recipe', 'kubeadm', 'web'],
  'recipe for flatcar': ['recipe', 'flatcar', 'web'],
  'recipe for capk': ['recipe', 'capk', 'web'],
  'recipe for daemonset': ['recipe', 'daemonset', 'web'],
  'recipe for cronjob': ['recipe', 'cronjob', 'nightly'],
  'recipe for rbac': ['recipe', 'rbac', '--verbs', 'status,delete'],
  'recipe for another cloud': ['recipe', 'karpenter', 'web'],
};

/** The flags that are not shown. */
const inNamespace = (verb: string): string[] =>
  verb !== 'images' && helpTexts()[verb]?.includes('--namespace=') ? ['-n', NAMESPACE] : [];

/** Removes what a call has created, so that the next one can create it. */
const removeShown = async (what: string): Promise<void> => {
  if (what !== 'create') return;
  await kubectl(['delete', '-n', NAMESPACE, 'volumesnapshot', 'shown']);
  await kubectl(['wait', '-n', NAMESPACE, '--for=delete', '--timeout=60s', 'configmap/preloaded-shown']);
};

const lineOf = (argv: readonly string[]): string => `kubectl preload ${argv.join(' ')}`;

for (const [what, argv] of Object.entries({ ...VERBS, ...OTHERS })) {
  const [verb = ''] = argv;
  describe(what, () => {
    for (const format of argv.includes('-o') ? [''] : formatsOf(verb)) {
      test(format || 'as people see it', async () => {
        const call = [...argv, ...(format ? ['-o', format] : [])];
        const name = [...what.split(' '), ...(format ? [format] : [])].join('-');
        const ended = await preload([...call, ...inNamespace(verb)]);
        await removeShown(what);
        await assertGolden(name, lineOf(call), ended);
      });
    }

    if (what in OTHERS) return;
    test('on a terminal', async () => {
      const line = lineOf(argv);
      const shown = await outcome(startOnTerminal([line, ...inNamespace(verb)].join(' ')));
      await removeShown(what);
      assert.ok([0, 1].includes(shown.code ?? -1), shown.stdout);
      const svg = terminalPicture(`$ ${line}\r\n${shown.stdout}`, line);
      assert.match(svg, /^<svg [\s\S]*<\/svg>\n$/);
      if (!isUpdate()) return;
      await mkdir(PICTURES, { recursive: true });
      await writeFile(join(PICTURES, `${what.replaceAll(' ', '-')}.svg`), svg);
    });
  });
}

test('status --watch until Ctrl-C', async () => {
  const argv = ['status', '--watch'];
  const child = startPreload([...argv, ...inNamespace('status')]);
  const ended = outcome(child);
  await said(child.stdout, 'web ');
  child.kill('SIGINT');
  await assertGolden('status-watch', lineOf(argv), await ended);
});
