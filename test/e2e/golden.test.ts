import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { helpTexts } from '../../src/program.ts';
import { masked } from '../harness/golden-masks.ts';
import { outcome } from '../harness/private-node.ts';
import { sample } from '../harness/sample.ts';
import { terminalPicture } from '../harness/terminal-picture.ts';
import {
  createNamespace,
  createPreload,
  deleteNamespaces,
  kubectl,
  preload,
  startOnTerminal,
} from './support/commands.ts';

// What every verb prints in every format, compared with files. After a wanted change: UPDATE_GOLDEN=1 writes them, and draws
// the pictures of the README.

const NAMESPACE = 'golden';
const IMAGES = [sample('ops/probe:1.0')];
const GOLDEN = join(import.meta.dirname, 'golden');
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
  create: ['create', 'shown', ...IMAGES, '--size', '1Gi', '--dry-run=client'],
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

/** The flags that are not shown. */
const inNamespace = (verb: string): string[] =>
  verb !== 'images' && helpTexts()[verb]?.includes('--namespace=') ? ['-n', NAMESPACE] : [];

/** The formats of a verb, as its own help has them; the empty one is the table. */
const formatsOf = (verb: string): string[] => {
  const [, list = ''] = /--output=''[^=]*?one of ([^\n]*(?:\n {20,}[^\n]*)*)/.exec(helpTexts()[verb] ?? '') ?? [];
  return ['', ...(list.match(/[a-z]+(?==|\b)/g) ?? []).filter((format) => /^(name|json|yaml|wide)$/.test(format))];
};

const text = (
  argv: readonly string[],
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
) => masked(`$ kubectl preload ${argv.join(' ')}\n${stdout}--- standard error\n${stderr}--- exit code ${code}\n`);

for (const [what, argv] of Object.entries(VERBS)) {
  const [verb = ''] = argv;
  describe(what, () => {
    for (const format of formatsOf(verb)) {
      test(format || 'as people see it', async () => {
        const call = [...argv, ...(format ? ['-o', format] : [])];
        const found = text(call, await preload([...call, ...inNamespace(verb)]));
        const file = join(GOLDEN, `${[...what.split(' '), ...(format ? [format] : [])].join('-')}.txt`);
        if (process.env.UPDATE_GOLDEN) {
          await mkdir(GOLDEN, { recursive: true });
          await writeFile(file, found);
        }
        assert.equal(found, await readFile(file, 'utf8'), 'after a wanted change: UPDATE_GOLDEN=1');
      });
    }

    test('on a terminal', async () => {
      const line = `kubectl preload ${argv.join(' ')}`;
      const shown = await outcome(startOnTerminal([line, ...inNamespace(verb)].join(' ')));
      assert.ok([0, 1].includes(shown.code ?? -1), shown.stdout);
      const svg = terminalPicture(`$ ${line}\r\n${shown.stdout}`, line);
      assert.match(svg, /^<svg [\s\S]*<\/svg>\n$/);
      if (!process.env.UPDATE_GOLDEN) return;
      await mkdir(PICTURES, { recursive: true });
      await writeFile(join(PICTURES, `${what.replaceAll(' ', '-')}.svg`), svg);
    });
  });
}
