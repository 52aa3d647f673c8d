import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { transformSync } from 'esbuild';

/** Each imports only from entries below it. */
const ORDER = [
  'src/launcher.ts',
  'src/main.ts',
  'src/program.ts',
  'src/commands',
  'src/capture',
  'src/registry',
  'src/cluster',
  'src/volume',
  'src/cli',
  'src/manifests',
  'src/node',
  'src/net',
  'src/model',
  'src/version.ts',
];

interface Source {
  path: string;
  /** its JavaScript, without types and comments */
  code: string;
  /** what it imports, including type-only imports: packages by name, files by path from the repository's root */
  imports: string[];
}

const sources: Source[] = globSync('src/**/*.ts', { exclude: ['**/*.d.ts'] }).map((path) => {
  const text = readFileSync(path, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier = '']) => specifier);
  const imports = specifiers.map((name) => (name.startsWith('.') ? join(dirname(path), name) : name));
  return { path, code: transformSync(text, { loader: 'ts', minifyWhitespace: true }).code, imports };
});

const roomOf = (path: string): number => ORDER.findIndex((room) => path === room || path.startsWith(`${room}/`));

/** Asserts that nothing outside these folders and files does what `does` looks for. */
const onlyIn = (rooms: string[], does: (source: Source) => boolean): void => {
  const paths = sources.filter(does).map(({ path }) => path);
  assert.ok(paths.length > 0, 'the check finds what it looks for');
  assert.deepEqual(
    paths.filter((path) => !rooms.some((room) => path === room || path.startsWith(`${room}/`))),
    [],
  );
};

const imports =
  (...names: string[]) =>
  (source: Source) =>
    source.imports.some((name) => names.includes(name));
const uses = (pattern: RegExp) => (source: Source) => pattern.test(source.code);

test('every file has a place in the order of folders', () => {
  assert.ok(sources.length > 50);
  assert.deepEqual(
    sources.map(({ path }) => path).filter((path) => roomOf(path) < 0),
    [],
  );
});

describe('a folder imports only what is below it', () => {
  for (const [index, room] of ORDER.entries()) {
    test(room, () => {
      const own = sources.filter(({ path }) => roomOf(path) === index);
      const wrong = own.flatMap(({ path, imports }) =>
        imports.filter((name) => name.startsWith('src/') && roomOf(name) < index).map((name) => `${path} → ${name}`),
      );
      assert.deepEqual(wrong, []);
    });
  }
});

test('there are no circular imports', () => {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (trail.includes(path) || done.has(path)) return;
    for (const name of graph.get(path) ?? []) if (graph.has(name)) visit(name, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

describe('side effects are confined to a few folders', () => {
  const withFiles = ['src/commands', 'src/capture', 'src/registry', 'src/cluster', 'src/volume', 'src/node'];

  test('child processes', () => onlyIn(['src/node/command.ts'], imports('node:child_process')));
  test('the Kubernetes client', () => onlyIn(['src/cluster'], imports('@kubernetes/client-node')));
  test('requests', () => onlyIn(['src/registry', 'src/cluster', 'src/net'], imports('undici')));
  test('files', () => onlyIn(withFiles, imports('node:fs', 'node:fs/promises')));
  test('the process itself', () => {
    const inPod = 'src/manifests/run-bundle.ts'; // which contains the first lines of the pod's program as a string
    const killing = 'src/node/command.ts';
    onlyIn(['src/launcher.ts', 'src/main.ts', 'src/cli', killing, inPod], uses(/\bprocess\b(?!-)/));
  });
  test('yargs', () => onlyIn(['src/program.ts', 'src/commands', 'src/cli'], imports('yargs')));
  test('spinners and colours', () => onlyIn(['src/cli'], imports('ora', 'chalk')));

  test('the clock', () => {
    const rooms = ['src/commands', 'src/capture', 'src/registry', 'src/cluster', 'src/node', 'src/cli'];
    onlyIn(rooms, uses(/\bDate\.now\b|\bnew Date\(\)|\bsetTimeout\b|node:timers|AbortSignal\.timeout/));
  });

  test('none in model and manifests, except hashing, compression and schemas', () => {
    const PURE = ['node:crypto', 'node:zlib', 'valibot'];
    for (const { path, code, imports } of sources.filter(({ path }) => /^src\/(model|manifests)\//.test(path))) {
      const foreign = imports.filter((name) => !name.startsWith('src/') && !PURE.includes(name));
      assert.deepEqual(foreign, [], path);
      assert.doesNotMatch(code, /\b(console|fetch|Math\.random)\b/, path);
    }
  });
});
