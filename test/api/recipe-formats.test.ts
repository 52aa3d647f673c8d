import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { RECIPES } from '../../src/manifests/recipes/recipes.ts';
import { goBuild } from '../cluster/go-build.ts';
import { ensurePackages } from '../cluster/machine/apt.ts';
import { run } from '../cluster/machine/run.ts';
import { nodeDisk } from '../harness/node-disk.ts';

const folder = await mkdtemp(join(tmpdir(), 'preload-recipes-'));
after(() => rm(folder, { recursive: true }));
await ensurePackages(['cloud-init', 'ignition', 'shellcheck'], console.error);

const textOf = (target: string): string =>
  `${RECIPES.find((recipe) => recipe.target === target)?.text(nodeDisk()) ?? ''}\n`;

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};

/** Asserts that `check` accepts the file, and refuses it with a mistake. */
const accepts = async (
  check: (path: string) => Promise<unknown>,
  text: string,
  [right, wrong]: [right: string, wrong: string],
): Promise<void> => {
  await check(await file('right', text));
  assert.ok(text.includes(right), right);
  await assert.rejects(check(await file('wrong', text.replace(right, wrong))), right);
};

test('cloud-init accepts its user data by its own schema', async () => {
  const check = async (path: string) => {
    const answer = await run(['cloud-init', 'schema', '--config-file', path]);
    assert.match(answer, /^Valid cloud-config/);
  };
  await accepts(check, textOf('cloud-init'), ['- path:', '- paths:']);
});

test('kubeadm accepts its configuration', async () => {
  const kubeadm = join(await goBuild('kubeadm', console.error), 'kubeadm');
  const [, configuration = ''] = /<<'END'\n(# for kubeadm.*?)\nEND\n/s.exec(textOf('kubeadm')) ?? [];
  const check = (path: string) => run([kubeadm, 'config', 'validate', '--config', path]);
  await accepts(check, configuration, ['caCertHashes:', 'caCertHash:']);
  await accepts(check, configuration, ['token: abcdef.', 'token: abcdef']);
});

test('HCL parses the configuration for Terraform, and has nothing to format', async () => {
  const hclfmt = join(await goBuild('hcl', console.error), 'hclfmt');
  const check = (path: string) => run([hclfmt, '-check', '-require-no-change', path]);
  await accepts(check, textOf('terraform'), ['base64encode(<<-END', 'base64encode(<<-OTHER']);
  await accepts(check, textOf('terraform'), ['volume_size           =', 'volume_size =']);
});

interface Butane {
  variant: string;
  version: string;
  storage: { files: { path: string; contents: { inline: string } }[] };
  systemd: { units: object[] };
}

/** As butane translates it: version 1.1.0 of variant flatcar is version 3.4.0 of Ignition. */
const ignition = ({ storage, systemd }: Butane, version: string): object => ({
  ignition: { version },
  storage: {
    files: storage.files.map(({ path, contents }) => ({
      path,
      contents: { source: `data:,${encodeURIComponent(contents.inline)}` },
    })),
  },
  systemd,
});

test('Ignition accepts what the configuration for Flatcar means', async () => {
  const butane = load(textOf('flatcar')) as Butane;
  assert.deepEqual(Object.keys(butane), ['variant', 'version', 'storage', 'systemd']);
  assert.deepEqual([butane.variant, butane.version], ['flatcar', '1.1.0']);
  const check = (path: string) => run(['ignition-validate', path]);
  // Debian's knows 3.3.0, which has all of it
  await accepts(check, JSON.stringify(ignition(butane, '3.3.0')), ['"enabled":true', '"enable":true,"enabled":1']);
  await accepts(check, JSON.stringify(ignition(butane, '3.3.0')), ['[Mount]', '[Mount']);
});

/** All scripts in recipes, by target. */
const scripts = (): Record<string, string> => {
  const found: Record<string, string> = {
    kubeadm: textOf('kubeadm'),
    'eks-launch-template': textOf('eks-launch-template'),
  };
  for (const target of ['karpenter', 'eksctl', 'gardener-aws', 'caposc', 'capk', 'cloud-init', 'flatcar']) {
    loadAll(textOf(target), (document) => {
      for (const text of stringsIn(document)) if (text.includes('\n') && text.includes('set -eu')) found[target] = text;
    });
  }
  return found;
};

const stringsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
};

describe('shellcheck has nothing to say about the scripts', () => {
  for (const [target, text] of Object.entries(scripts())) {
    test(target, async () => {
      await run(['shellcheck', '--shell=sh', await file('script', text)]);
    });
  }
});

test('the script for EKS hands the AWS CLI its JSON, with user data in parts', async () => {
  const aws = `#!/bin/sh\necho "$@" >${folder}/arguments\ncat "\${6#file://}" >${folder}/template\n`;
  await writeFile(join(folder, 'aws'), aws, { mode: 0o755 });
  await run(['sh', await file('script', textOf('eks-launch-template'))], {
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
  });
  const command = await readFile(join(folder, 'arguments'), 'utf8');
  assert.match(command, /^ec2 create-launch-template --region eu-west-1 --cli-input-json file:\/\//);
  const { LaunchTemplateData: template } = JSON.parse(await readFile(join(folder, 'template'), 'utf8'));
  assert.equal(template.BlockDeviceMappings[1].Ebs.SnapshotId, nodeDisk().snapshotId);
  const mail = Buffer.from(template.UserData, 'base64').toString();
  const [head, part, end] = mail.split('--//');
  assert.match(head ?? '', /^MIME-Version: 1\.0\nContent-Type: multipart\/mixed; boundary="\/\/"\n\n$/);
  assert.match(part ?? '', /^\nContent-Type: text\/x-shellscript; charset="us-ascii"\n\n#!\/bin\/sh\nset -eu\n/);
  assert.equal(end, '--\n');
});
