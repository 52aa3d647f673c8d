// Makes what a release publishes: an archive for each platform whose Node binary is installed, and krew's manifest of them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import project from '../package.json' with { type: 'json' };
import { PLUGIN } from '../src/model/names.ts';
import { tarGz } from './archive.ts';
import { renderManifest } from './manifest.ts';
import { archiveName, archiveSources, BUNDLE, PLATFORMS, type Platform } from './platforms.ts';

process.chdir(`${import.meta.dirname}/..`);

const tag = `v${project.version}`;
const platforms = PLATFORMS.filter(({ node }) => existsSync(node));
if (platforms.length === 0) {
  throw new Error(`no Node binary to pack; npm install one of ${PLATFORMS.map(({ node }) => node).join(', ')}`);
}
if (!existsSync(BUNDLE)) {
  execFileSync(process.execPath, ['build.mjs'], { stdio: 'inherit' });
}

const pack = async (platform: Platform): Promise<Buffer> => {
  const entries = archiveSources(platform).map(async ({ name, mode, path }) => {
    return { name, mode, content: await readFile(path) };
  });
  return tarGz(await Promise.all(entries));
};

const publish = async (name: string, content: string | Buffer): Promise<void> => {
  await writeFile(`dist/${name}`, content);
  console.log(`dist/${name}`);
};

const checksums = new Map<string, string>();
for (const platform of platforms) {
  const archive = await pack(platform);
  const name = archiveName(platform, tag);
  await publish(name, archive);
  checksums.set(name, createHash('sha256').update(archive).digest('hex'));
}
const template = await readFile(`krew/${PLUGIN}.yaml`, 'utf8');
await publish(`${PLUGIN}.yaml`, renderManifest(template, tag, checksums));
