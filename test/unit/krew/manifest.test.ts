import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { load } from 'js-yaml';
import { renderManifest } from '../../../krew/manifest.ts';
import { archiveName, archiveSources, PLATFORMS } from '../../../krew/platforms.ts';
import { PLUGIN, TOOL } from '../../../src/model/names.ts';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: {
    version: string;
    homepage: string;
    shortDescription: string;
    description: string;
    caveats: string;
    platforms: ManifestPlatform[];
  };
}

interface ManifestPlatform {
  selector: { matchLabels: Record<string, string> };
  uri: string;
  sha256: string;
  bin: string;
}

const TEMPLATE = `krew/${PLUGIN}.yaml`;
const TAG = 'v1.2.3';
const template = readFileSync(TEMPLATE, 'utf8');
const checksums = new Map(PLATFORMS.map((platform) => [archiveName(platform, TAG), 'abcdef01'.repeat(8)]));
const manifest = load(renderManifest(template, TAG, checksums)) as Manifest;
const { metadata, spec } = manifest;

// https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest
const SUPPORTED = {
  windows: ['386', 'amd64', 'arm64'],
  linux: ['386', 'amd64', 'arm', 'arm64', 'ppc64le'],
  darwin: ['386', 'amd64', 'arm64'],
};
const supportedPairs = Object.entries(SUPPORTED).flatMap(([os, archs]) => archs.map((arch) => ({ os, arch })));

const matching = (pair: Record<string, string>): ManifestPlatform[] => {
  return spec.platforms.filter(({ selector }) =>
    Object.entries(selector.matchLabels).every(([key, value]) => pair[key] === value),
  );
};

describe('the manifest has what validate-krew-manifest requires', () => {
  test('API version and kind', () => {
    assert.equal(manifest.apiVersion, 'krew.googlecontainertools.github.com/v1alpha2');
    assert.equal(manifest.kind, 'Plugin');
  });

  test('the name is safe, and matches the file name', () => {
    assert.equal(metadata.name, PLUGIN);
    assert.equal(`${metadata.name}.yaml`, basename(TEMPLATE));
    assert.match(metadata.name, /^[\w-]+$/);
    assert.doesNotMatch(metadata.name, /^(con|prn|aux|nul|com[1-9]|lpt[1-9])$/i);
  });

  test('the version is the tag: v and a strict semantic version', () => {
    assert.equal(spec.version, TAG);
    assert.match(spec.version, /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/);
  });

  test('the short description is one line', () => {
    assert.match(spec.shortDescription, /^.+$/);
  });

  test('every platform has an archive, its checksum and a program', () => {
    assert.equal(spec.platforms.length, PLATFORMS.length);
    for (const { uri, sha256, bin } of spec.platforms) {
      assert.match(uri, /^https:.*\.(zip|tar\.gz)$/);
      assert.match(sha256, /^[a-f0-9]{64}$/);
      assert.equal(bin, TOOL);
    }
  });

  test('platforms have only these keys, so all files in the archive are installed', () => {
    for (const platform of spec.platforms) {
      assert.deepEqual(Object.keys(platform), ['selector', 'uri', 'sha256', 'bin']);
    }
  });

  test('selectors specify an operating system and an architecture that krew supports', () => {
    for (const { selector } of spec.platforms) {
      assert.deepEqual(Object.keys(selector), ['matchLabels']);
      assert.ok(
        supportedPairs.some(({ os, arch }) => selector.matchLabels.os === os && selector.matchLabels.arch === arch),
      );
      assert.deepEqual(Object.keys(selector.matchLabels), ['os', 'arch']);
    }
  });

  test('no machine matches two platforms', () => {
    for (const pair of supportedPairs) assert.ok(matching(pair).length <= 1, `${pair.os}/${pair.arch}`);
  });

  test('programs for Windows end in .exe', () => {
    for (const { selector, bin } of spec.platforms) {
      assert.equal(selector.matchLabels.os === 'windows', bin.endsWith('.exe'));
    }
  });

  test('every archive contains its program and a licence file', () => {
    for (const platform of PLATFORMS) {
      const names = archiveSources(platform).map(({ name }) => name);
      assert.ok(names.includes(TOOL));
      assert.ok(names.some((name) => /^(licenses?|copying)(\.txt|\.md)?$/i.test(name)));
    }
  });
});

describe('the manifest follows the style guide of krew-index', () => {
  const text = `${spec.description}\n${spec.caveats}`;

  test('the short description has at most 50 characters', () => {
    assert.ok(spec.shortDescription.length <= 50);
  });

  test('description and caveats are wrapped at 80 columns', () => {
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  });

  test('description and caveats mention neither usage nor flags', () => {
    assert.doesNotMatch(text, /^\s*(\$|kubectl )/m);
    assert.doesNotMatch(text, /(^|\s)--?\w/);
  });

  test('the caveats list what must be installed and allowed', () => {
    assert.match(spec.caveats, /VolumeSnapshot.*privileged pod/s);
  });

  test('archives are release assets of the homepage repository', () => {
    const uris = spec.platforms.map(({ uri }) => uri);
    const folder = `${spec.homepage}/releases/download/${TAG}`;
    assert.deepEqual(
      uris,
      PLATFORMS.map((platform) => `${folder}/${archiveName(platform, TAG)}`),
    );
  });
});
