// One bundle for both halves: the operator's workstation and the pod run the same file.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { helpTexts } from './src/program.ts';

const outfile = 'dist/kubectl-preload';
const MAX_GZIPPED = 600 * 1024; // the bundle travels to the pod in a ConfigMap, whose limit is 1 MiB in all

/** Replaces a file atomically, as tests may be running the existing one. */
const put = async (path, data, mode = 0o644) => {
  await writeFile(`${path}.${process.pid}`, data, { mode });
  await rename(`${path}.${process.pid}`, path);
};

/** The licences of the bundled packages, which must be included in every copy. */
const licences = async (files) => {
  const packages = files.map((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean);
  const texts = [...new Set(packages)].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(`${folder}/${file}`, 'utf8') : '';
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
};

// Without undici's second parser, an experiment that is off by default, and without packages that the Kubernetes client needs
// only for calls that this tool does not make: they would be a fifth of the bundle.
const withoutUnused = {
  name: 'without-unused',
  setup: ({ onLoad }) =>
    onLoad(
      { filter: /\/node_modules\/(undici\/lib\/milo\/(no-)?simd\.js|(isomorphic-ws|ws|jsonpath-plus)\/.*)$/ },
      () => ({ contents: '' }),
    ),
};

const options = { bundle: true, minify: true, write: false, platform: 'node', target: 'node22', format: 'cjs' };
const program = await build({
  ...options,
  entryPoints: ['src/main.ts'],
  outfile,
  metafile: true,
  // yargs calls createRequire(import.meta.url), which a CommonJS bundle leaves undefined
  define: { 'import.meta.url': '__importMetaUrl', 'process.env.UNDICI_USE_MILO': '"0"' },
  plugins: [withoutUnused],
  banner: { js: 'const __importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
});
const {
  outputFiles: [bundle],
} = await build({
  ...options,
  entryPoints: ['src/launcher.ts'],
  outfile,
  define: { HELP: JSON.stringify(helpTexts()), PROGRAM: JSON.stringify(program.outputFiles[0].text) },
  banner: { js: '#!/usr/bin/env node' },
});
const gzipped = gzipSync(bundle.contents, { level: 9 }).length;
if (gzipped > MAX_GZIPPED) {
  throw new Error(`${outfile} is ${gzipped} bytes gzipped, more than the ${MAX_GZIPPED} that fit a ConfigMap`);
}
await mkdir('dist', { recursive: true });
await put('dist/package.json', '{"type":"commonjs"}\n');
await put('dist/LICENSE-bundled', await licences(Object.keys(program.metafile.inputs)));
await put(outfile, bundle.contents, 0o755);
