import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { renderManifest } from '../../../krew/manifest.ts';
import { archiveName, PLATFORMS } from '../../../krew/platforms.ts';
import { PLUGIN } from '../../../src/model/names.ts';

const TAG = 'v1.2.3';
const template = readFileSync(`krew/${PLUGIN}.yaml`, 'utf8');
const sha256 = (index: number) => 'abcd'.charAt(index).repeat(64);
const checksums = new Map(PLATFORMS.map((platform, i) => [archiveName(platform, TAG), sha256(i)]));

const lines = (archives: ReadonlyMap<string, string>): string[] => {
  return renderManifest(template, TAG, archives).split('\n');
};

test('the template asks krew-release-bot only for tag, URL and checksum', () => {
  const actions = template.replaceAll('{{ .TagName }}', TAG).match(/\{\{.*\}\}/g) ?? [];
  assert.equal(actions.length, PLATFORMS.length);
  for (const action of actions) assert.match(action, /^\{\{addURIAndSha "https:[^"{]+" \.TagName \}\}$/);
});

test('platforms are rendered like by krew-release-bot: the checksum below the URL, indented by four spaces', () => {
  const folder = `https://github.com/outscale/kubectl-preload/releases/download/${TAG}`;
  const rendered = lines(checksums);
  assert.deepEqual(
    rendered.slice(rendered.indexOf('  platforms:') + 1, -1),
    PLATFORMS.flatMap((platform, i) => [
      '  - selector:',
      '      matchLabels:',
      `        os: ${platform.os}`,
      `        arch: ${platform.arch}`,
      `    uri: ${folder}/${archiveName(platform, TAG)}`,
      `    sha256: ${sha256(i)}`,
      '    bin: kubectl-preload',
    ]),
  );
});

test('platforms without an archive are left out', () => {
  const withFirst = lines(new Map([...checksums].slice(0, 1)));
  assert.deepEqual(withFirst, [...lines(checksums).slice(0, withFirst.length - 1), '']);
  assert.deepEqual(
    withFirst.filter((line) => line.includes('arch:')),
    ['        arch: amd64'],
  );
});
