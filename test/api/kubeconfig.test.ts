import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../cluster/control-plane/api-server.ts';
import { goBuild } from '../cluster/go-build.ts';
import { runBundle } from '../harness/run-bundle.ts';
import { configPath, writeConfigs } from './kubeconfig-files.ts';

// The program and kubectl send the same request with the same kubeconfigs. The server refuses both, and the refusal names
// the user, the namespace and, by a role that does not exist, the server.

const folder = await mkdtemp(join(tmpdir(), 'preload-kubeconfig-'));
const kubectl = join(await goBuild('kubernetes', console.error), 'kubectl');
const startNamed = async (name: string): Promise<ApiServer> => {
  const server = await startApiServer({ snapshotCrds: true });
  await server.kubectl(['create', 'clusterrolebinding', name, `--clusterrole=${name}`, '--group=system:authenticated']);
  return server;
};

const [east, west] = await Promise.all([startNamed('east'), startNamed('west')]);
after(async () => {
  await Promise.all([east.stop(), west.stop()]);
  await rm(folder, { recursive: true });
});
await writeConfigs(folder, east, west);

interface Call {
  /** names of kubeconfigs; `none` does not exist, and an empty name stays empty */
  names: string[];
  flags?: string[];
}

const environment = ({ names }: Call) => ({
  HOME: join(folder, 'home'),
  KUBECONFIG: names.map((name) => name && configPath(folder, name)).join(delimiter),
});

/** The error of the program, without its hint. */
const answer = async (call: Call): Promise<string> => {
  const { code, stdout, stderr } = await runBundle(['status', ...(call.flags ?? [])], environment(call));
  assert.deepEqual([code, stdout], [1, ''], stderr);
  return stderr.split('\n')[0] ?? '';
};

/** The error of kubectl, without the lines that it prints before. */
const kubectlAnswer = async (call: Call): Promise<string> => {
  const argv = ['get', 'volumesnapshots', '--cache-dir', join(folder, 'cache'), ...(call.flags ?? [])];
  const child = spawn(kubectl, argv, { env: environment(call), stdio: ['ignore', 'ignore', 'pipe'] });
  return (await text(child.stderr)).trim().split('\n').at(-1) ?? '';
};

/** kubectl words two errors differently; without a configuration it tries localhost:8080. */
const inOurWords = (line: string): string =>
  line
    .replace(/^The connection to the server localhost:8080 was refused.*/, 'error: no cluster is configured')
    .replace(/^.*context was not found for specified context: (.*)/, 'error: context "$1" does not exist');

const answers = new Set<string>();

const agrees = async (call: Call): Promise<void> => {
  const expected = inOurWords(await kubectlAnswer(call));
  answers.add(expected);
  assert.equal((await answer(call)).replace(/ \(missing: .*\)$/, ''), expected);
};

/** Every choice of `names` in every order. */
const orders = (names: string[]): string[][] =>
  names.flatMap((name) => [[name], ...orders(names.filter((other) => other !== name)).map((rest) => [name, ...rest])]);

const SHARED = orders(['prod', 'dev', 'extra']);

describe('the same server, user and namespace as kubectl', () => {
  for (const names of SHARED.filter(({ length }) => length > 1)) test(names.join(':'), () => agrees({ names }));

  describe('with missing files and empty entries', () => {
    for (const names of SHARED) {
      const gaps = ['', ...names.flatMap((name) => ['none', name, ''])];
      test(gaps.join(':'), () => agrees({ names: gaps }));
    }
  });

  describe('with names that occur in only one file', () => {
    for (const names of [...orders(['prod', 'lab']), ...orders(['login', 'lab'])].filter(({ length }) => length > 1)) {
      test(names.join(':'), () => agrees({ names }));
    }
  });

  test('depends on the order of the files', () => {
    const short = [...answers].map((line) =>
      line.replace(/^.*User "(.*?)".* namespace "(.*?)": RBAC: .*"(.*?)" not found$/, '$1 in $2 of $3'),
    );
    assert.deepEqual(short.sort(), [
      'dora in dev-own of west',
      'error: You must be logged in to the server (Unauthorized)',
      'error: no cluster is configured',
      'lara in lab-own of west',
      'paula in prod-main of east',
      'system:serviceaccount:default:extra in extra of east',
      'system:serviceaccount:default:login in lab-own of west',
    ]);
  });

  const others: Record<string, Call> = {
    'a missing field is not taken from a later file: server': { names: ['bare', 'prod'] },
    'a missing field is not taken from a later file: certificate': { names: ['partial', 'prod'] },
    'the same file twice': { names: ['prod', 'prod'] },
    'an empty file': { names: ['empty', 'prod'] },
    'a file of comments': { names: ['comment', 'prod'] },
    'a duplicate key and a second document': { names: ['twofold', 'prod', 'dev'] },
    'no file at all': { names: ['none', '', 'none'] },
    'only empty entries': { names: ['', ''] },
    'KUBECONFIG empty: the file in the home folder': { names: [] },
    'only the file that a flag specifies': {
      names: ['prod'],
      flags: ['--kubeconfig', configPath(folder, 'home/.kube')],
    },
    'the context in --context': { names: ['prod', 'dev'], flags: ['--context', 'dev'] },
    'an unknown context in --context': { names: ['prod', 'dev'], flags: ['--context', 'moon'] },
    'an unknown current context': { names: ['moon', 'prod'] },
  };
  for (const [title, call] of Object.entries(others)) test(title, () => agrees(call));
});

describe('kubeconfig errors', () => {
  for (const name of ['broken', 'prose', 'twins', 'number', 'folder']) {
    test(`an invalid file after a valid one, as in kubectl: ${name}`, async () => {
      const call = { names: ['prod', name] };
      const path = configPath(folder, name);
      assert.match(await kubectlAnswer(call), new RegExp(`^error: error loading config file "${path}": `));
      assert.match(await answer(call), new RegExp(`^error: cannot read the kubeconfig: ${path}: \\w`));
    });
  }

  test('missing files are listed', async () => {
    const path = configPath(folder, 'none');
    assert.equal(await answer({ names: ['none', 'extra'] }), `error: no cluster is configured (missing: ${path})`);
  });
});
