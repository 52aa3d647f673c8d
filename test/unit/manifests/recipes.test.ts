import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { RECIPES } from '../../../src/manifests/recipes/recipes.ts';
import { NODE_DISK } from '../../../src/model/node-disk.ts';
import { matches } from '../../../src/model/parse.ts';
import { nodeDisk } from '../../harness/node-disk.ts';

const WITH_SCRIPT = RECIPES.filter(({ target }) => !['flatcar', 'gardener-aws'].includes(target));
const SHELL = ['eks-launch-template', 'kubeadm'];

const textOf = (target: string, disk = nodeDisk()): string =>
  RECIPES.find((recipe) => recipe.target === target)?.text(disk) ?? '';

const documents = (text: string): unknown[] => {
  const found: unknown[] = [];
  loadAll(text, (document) => found.push(document));
  return found;
};

const numbersIn = (value: unknown): number[] => {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
};

describe('every recipe', () => {
  for (const { target, text } of RECIPES) {
    test(target, () => {
      const disk = nodeDisk();
      const printed = text(disk);
      assert.match(printed, /^#/);
      for (const value of [disk.name, disk.namespace, disk.snapshotId, disk.filesystem, disk.platform, disk.driver]) {
        assert.ok(printed.includes(value), value);
      }
      assert.ok(printed.includes(`--expect ${disk.contentsDigest}`));
      assert.ok(printed.includes(`${disk.contentsDigest.slice('sha256:'.length)}  /preload/preload.json`));
      assert.match(printed, /usable only in eu-west-1\./);
      assert.match(text(nodeDisk({ region: undefined })), /tied to its region\./);
      assert.doesNotMatch(printed, /undefined|NaN|\[object|[ \t]$/m);
      for (const line of printed.split('\n').filter((each) => each.startsWith('#')))
        assert.ok(line.length <= 100, line);
    });
  }
});

test('a node cannot start its kubelet before everything is installed, and is checked before anything of it runs', () => {
  for (const { text } of WITH_SCRIPT) {
    const printed = text(nodeDisk());
    const steps = [
      /printf .*AssertPathExists=!/,
      /mount -o ro UUID=/,
      /preload\.json" \| sha256sum -c/,
      /\/preload\/restore\.sh\|p' .*\| sha256sum -c/,
      /restore\.sh --install --expect/,
      /rm "\$gate"/,
    ].map((step) => printed.search(step));
    assert.ok(!steps.includes(-1), String(steps));
    assert.deepEqual(
      steps,
      steps.toSorted((a, b) => a - b),
    );
  }
});

test('a preload for arm64 gets machines for arm64', () => {
  const disk = nodeDisk({ platform: 'linux/arm64' });
  for (const { text, platforms } of RECIPES) {
    if (platforms && !platforms.includes(disk.platform)) continue;
    assert.doesNotMatch(text(disk), /amd64|x86|m7i/);
  }
  assert.match(textOf('karpenter', disk), /kubernetes\.io\/arch, operator: In, values: \[arm64\]/);
  assert.match(textOf('karpenter'), /kubernetes\.io\/arch, operator: In, values: \[amd64\]/);
  assert.match(textOf('eks-launch-template', disk), /AL2023_ARM_64_STANDARD --instance-types m7g/);
  assert.match(textOf('gardener-aws', disk), /type: m7g\.large\n +architecture: arm64/);
  assert.match(textOf('eksctl', disk), /instanceType: m7g/);
  assert.match(textOf('capk', disk), /architecture: arm64/);
});

test('disks are at least as large as the snapshot', () => {
  for (const target of ['eksctl', 'caposc']) {
    assert.match(textOf(target), /ize: 4$/m);
    assert.match(textOf(target, nodeDisk({ size: 0 })), /ize: 1$/m);
  }
  for (const target of ['gardener-aws', 'capk']) assert.match(textOf(target), /(size|storage): 4Gi$/m);
});

test('YAML is YAML', () => {
  for (const { target, text } of RECIPES) {
    if (target === 'terraform' || SHELL.includes(target)) continue;
    for (const document of documents(text(nodeDisk()))) assert.equal(typeof document, 'object', target);
  }
});

test('names and IDs that look like numbers stay text', () => {
  for (const target of ['capk', 'caposc', 'eksctl']) {
    const disk = nodeDisk({ name: '20261127', ...(target === 'capk' && { snapshotId: '1234567' }) });
    const numbers = numbersIn(documents(textOf(target, disk)));
    assert.deepEqual(
      numbers.filter((number) => number > 1_000_000),
      [],
      target,
    );
  }
});

test('user data of Karpenter is not what Karpenter takes for a NodeConfig, which any YAML with keys is', () => {
  const [nodeClass] = documents(textOf('karpenter')) as { spec: { userData: string } }[];
  assert.match(nodeClass?.spec.userData ?? '', /^#!\/bin\/sh\n/);
  assert.throws(() => documents(nodeClass?.spec.userData ?? ''));
});

test('the README lists every target', async () => {
  const readme = await readFile('README.md', 'utf8');
  for (const { target } of RECIPES) assert.ok(readme.includes(`\n| \`${target}\` | `), target);
});

test('Terraform and here-documents have nothing to replace in the script', () => {
  assert.doesNotMatch(textOf('terraform'), /[$%]\{/);
});

test('what could end a string or a command in a recipe is refused', () => {
  assert.ok(matches(NODE_DISK, nodeDisk()));
  assert.ok(matches(NODE_DISK, nodeDisk({ snapshotId: '/subscriptions/0-1/resourceGroups/r/snapshots/s.1_2' })));
  for (const word of ['$(reboot)', '"', "'", '`id`', 'a b', 'a\nb', '# ', '{{x}}', '', '\\']) {
    for (const field of ['snapshotId', 'driver', 'filesystem', 'region', 'name', 'namespace', 'contentsDigest']) {
      assert.ok(!matches(NODE_DISK, nodeDisk({ [field]: word })), `${field}: ${word}`);
    }
  }
});
