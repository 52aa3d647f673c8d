import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import project from '../../package.json' with { type: 'json' };
import { BUNDLE, runBundle } from '../harness/run-bundle.ts';

const run = promisify(execFile);
const ESCAPE = '\u001b';

test('the version', async () => {
  assert.deepEqual(await runBundle(['version']), {
    code: 0,
    stdout: `kubectl-preload ${project.version}\n`,
    stderr: '',
  });
  assert.equal((await runBundle(['--version'])).stdout, `${project.version}\n`);
});

describe('an invalid command line gets a reason and a pointer to the help, and nothing on standard output', () => {
  const calls: [argv: string[], reason: RegExp, help: string][] = [
    [['frobnicate'], /^unknown command "frobnicate" for "kubectl preload"$/, ''],
    [['--frobnicate'], /^specify a command$/, ''],
    [['create'], /^specify NAME or --generate-name$/, 'create '],
    [
      ['create', 'nightly', '--generate-name', 'nightly-'],
      /^specify NAME or --generate-name, not both; if "nightly" is an image, write nightly:latest$/,
      'create ',
    ],
    [
      ['create', '--generate-name', 'nightly'],
      /^invalid argument "nightly" for "--generate-name": must end with "-"$/,
      'create ',
    ],
    [
      ['create', '--generate-name', `${'a'.repeat(33)}-`],
      /^invalid argument .* for "--generate-name": must be at most 33 characters$/,
      'create ',
    ],
    [['create', '--generate-name', '-'], /^invalid argument "-" for "--generate-name": must consist of/, 'create '],
    [['create', 'web', '--keep-last', '2'], /^--keep-last needs --generate-name: /, 'create '],
    ...['0', '-1', '1.5', 'all', ''].map((count): [string[], RegExp, string] => [
      ['create', '--generate-name', 'web-', `--keep-last=${count}`],
      new RegExp(`^invalid argument "${count}" for "--keep-last": must be a number of at least 1$`),
      'create ',
    ]),
    [
      ['create', '--generate-name', 'web-', '--keep-last', '2', '--wait=false'],
      /^--wait=false and --keep-last exclude each other/,
      'create ',
    ],
    [
      ['create', 'web', '--all-platforms', '--platform', 'linux/arm64'],
      /^specify --all-platforms or --platform, not both$/,
      'create ',
    ],
    [['create', 'web', '--all-platforms', '--node', 'a'], /^specify --all-platforms or --node, not both$/, 'create '],
    [
      ['create', 'web', '--all-platforms', '--base', 'old'],
      /^--all-platforms needs a --base that ends with "-"/,
      'create ',
    ],
    [['create', 'web', '--all-platforms', '--resume'], /^--resume .* does not accept --all-platforms$/, 'create '],
    [
      ['create', 'web', '--resume', '--keep-last', '2', '--retain', '--label', 'a=b'],
      /^--resume .* does not accept --keep-last, --retain, --label$/,
      'create ',
    ],
    [['create', 'web', '--label', 'a'], /^invalid argument "a" for "--label": must be KEY=VALUE$/, 'create '],
    [
      ['create', 'web', '--label', 'app.kubernetes.io/instance=x'],
      /^invalid argument .*: kubectl preload sets this label itself$/,
      'create ',
    ],
    [
      ['create', 'web', '--annotation', 'preload.run=x'],
      /^invalid argument .*: kubectl preload sets annotations with this prefix itself$/,
      'create ',
    ],
    [['create', 'web', '--base', 'Nightly-'], /^invalid argument "Nightly-" for "--base": must consist/, 'create '],
    [['verify', 'Nightly-'], /^invalid NAME "Nightly-": must consist/, 'verify '],
    [['recipe'], /^exactly one TARGET is required, got 0$/, 'recipe '],
    [['--debug', 'recipe'], /^exactly one TARGET is required, got 0$/, ''],
    [['recipe', 'karpenter'], /^exactly one NAME is required, got 0$/, 'recipe '],
    [['recipe', 'moon', 'web'], /^invalid TARGET "moon": must be one of karpenter, /, 'recipe '],
    [['create', 'Web'], /^invalid NAME "Web": must consist of lower case letters/, 'create '],
    [['create', 'a'.repeat(49)], /^invalid NAME .*: must be at most 48 characters$/, 'create '],
    [['create', 'web', 'NGINX'], /^invalid image "NGINX": expected a reference such as/, 'create '],
    [['create', 'web', 'nginx', '--from', 'cache'], /^specify images or --from, not both$/, 'create '],
    [
      ['create', 'web', '--from', 'moon'],
      /^invalid argument "moon" for "--from": must be one of cluster, cache, cluster,cache$/,
      'create ',
    ],
    [['create', 'web', '--size', '10GB'], /^invalid argument "10GB" for "--size": must be a quantity/, 'create '],
    [['create', 'web', '--timeout', '0s'], /^invalid argument "0s" for "--timeout": must be a duration/, 'create '],
    [
      ['create', 'web', '--platform', 'windows/amd64'],
      /^invalid argument "windows\/amd64" for "--platform"/,
      'create ',
    ],
    [['create', 'web', '--dry-run'], /^flag needs an argument: --dry-run$/, 'create '],
    [
      ['create', 'web', '--dry-run=all'],
      /^invalid argument "all" for "--dry-run": must be one of none, client, server$/,
      'create ',
    ],
    [
      ['create', 'web', '-o', 'wide'],
      /^invalid argument "wide" for "--output": must be one of name, json, yaml$/,
      'create ',
    ],
    [['create', 'web', '--storage-class'], /^flag needs an argument: --storage-class$/, 'create '],
    [
      ['create', 'web', '--parallel', 'x'],
      /^invalid argument "x" for "--parallel": must be a number from 1 to 64$/,
      'create ',
    ],
    ...['x', '0', '50', '50MB', '-1'].flatMap((rate): [string[], RegExp, string][] => [
      [
        ['create', 'web', '--max-rate', rate],
        new RegExp(
          `^invalid argument "${rate}" for "--max-rate": must be a quantity per second such as 50Mi, at least 64Ki$`,
        ),
        'create ',
      ],
    ]),
    [['export', '--max-rate'], /^flag needs an argument: --max-rate$/, 'export '],
    [['status', '--frobnicate'], /^unknown flag: --frobnicate$/, 'status '],
    [['status', '--frob=1', '--nicate'], /^unknown flag: --frob$/, 'status '],
    [['status', '-x'], /^unknown shorthand flag: 'x' in -x$/, 'status '],
    [['status', 'web', 'web2'], /^unexpected arguments: \[web2\]$/, 'status '],
    [['status', 'web', '-A'], /cannot be retrieved by name across all namespaces/, 'status '],
    [['status', '-n'], /^flag needs an argument: 'n' in -n$/, 'status '],
    [['images', 'web'], /^unexpected arguments: \[web\]$/, 'images '],
    [['images', '--from-file'], /^flag needs an argument: --from-file$/, 'images '],
    [['images', '-l'], /^flag needs an argument: 'l' in -l$/, 'images '],
    ...['images', 'create web'].flatMap((verb): [string[], RegExp, string][] => {
      const words = verb.split(' ');
      const reason = 'selects workloads in the cluster, so it needs --from cluster$';
      return [
        [[...words, '--from', 'cache', '-l', 'app=web'], new RegExp(`^--selector ${reason}`), `${words[0]} `],
        [
          [...words, '--from-file', '-', '--namespace-selector', 'team=a'],
          new RegExp(`^--namespace-selector ${reason}`),
          `${words[0]} `,
        ],
      ];
    }),
    [['create', 'web', 'nginx', '--selector', 'app=web'], /^--selector selects workloads/, 'create '],
    [['verify'], /^specify NAME or --volume$/, 'verify '],
    [['verify', 'web', '--volume', '/preload'], /^specify NAME or --volume, not both$/, 'verify '],
    [['verify', 'Web'], /^invalid NAME "Web"/, 'verify '],
    [['verify', 'web', '-o', 'name'], /^invalid argument "name" for "--output": must be one of json, yaml$/, 'verify '],
    [['export', '--stdin', '--cache-only'], /^specify --stdin or --cache-only, not both$/, 'export '],
    [['snapshot'], /^required flag\(s\) "pvc", "name" not set$/, 'snapshot '],
    [['snapshot', '--name', 'web'], /^required flag\(s\) "pvc" not set$/, 'snapshot '],
    [['s', '--pvc', 'images'], /^required flag\(s\) "name" not set$/, 's '],
    [
      ['snapshot', '--pvc', 'images', '--name', 'Web'],
      /^invalid argument "Web" for "--name": must consist of lower/,
      'snapshot ',
    ],
    [
      ['snapshot', '--pvc', 'images', '--name', 'a'.repeat(64)],
      /^invalid argument .* for "--name": must be at most 63/,
      'snapshot ',
    ],
    [['snapshot', '--pvc', 'images', '--name', 'web', '--class'], /^flag needs an argument: --class$/, 'snapshot '],
    [['snapshot', 'web', '--pvc', 'images', '--name', 'web'], /^unexpected arguments: \[web\]$/, 'snapshot '],
    [['delete'], /^specify either NAME, --selector or --leftovers$/, 'delete '],
    [['delete', 'web', '-l', 'a=b'], /^specify either NAME, --selector or --leftovers$/, 'delete '],
    [['delete', '-l', ''], /^invalid argument "" for "--selector": must not be empty$/, 'delete '],
    [['delete', 'web', '--keep-last', '2'], /^--keep-last requires a NAME that is a prefix/, 'delete '],
    [['delete', 'web-', '--keep-last', '0'], /^invalid argument "0" for "--keep-last": must be a number/, 'delete '],
    [['delete', 'web', '-A'], /^--all-namespaces requires --leftovers$/, 'delete '],
    [['delete', 'Web-'], /^invalid NAME "Web-": must consist of lower/, 'delete '],
    [
      ['recipe', 'rbac', '--verbs', 'create,fly'],
      /^invalid argument "create,fly" for "--verbs": must be some of these/,
      'recipe ',
    ],
    [['version', 'x'], /^unexpected arguments: \[x\]$/, 'version '],
    [['export', '--request', 'r', '--hold', 'x'], /^invalid argument "x" for "--hold"/, 'export '],
  ];
  for (const [argv, reason, help] of calls) {
    test(argv.join(' '), async () => {
      const { code, stdout, stderr } = await runBundle(argv);
      const [first = '', ...rest] = stderr.split('\n');
      assert.deepEqual([code, stdout], [1, '']);
      assert.ok(first.startsWith('error: '), first);
      assert.match(first.slice('error: '.length), reason);
      assert.deepEqual(rest, [`See 'kubectl preload ${help}-h' for help and examples`, '']);
    });
  }
});

describe('of a flag that is repeated', () => {
  const errorOf = async (...argv: string[]) => (await runBundle(argv)).stderr.split('\n')[0];

  test('the last value counts', async () => {
    const words = ['create', 'web', '--size', '1Gi', '--size', 'big'];
    assert.equal(
      await errorOf(...words),
      'error: invalid argument "big" for "--size": must be a quantity such as 10Gi',
    );
    assert.match(
      (await errorOf(...words, '--size=2Gi', '--timeout=x', '--timeout=1m')) ?? '',
      /no cluster is configured/,
    );
    assert.match((await errorOf('status', '-o', 'moon', '--output=json')) ?? '', /no cluster is configured/);
    assert.match(
      (await errorOf('status', '--output=json', '-o', 'moon')) ?? '',
      /invalid argument "moon" for "--output"/,
    );
  });

  test('also without a check of its own', async () => {
    const argv = ['status', '--context', 'a', '--kubeconfig', '/dev/null', '--kubeconfig', '/nonexistent/b'];
    assert.match((await errorOf(...argv)) ?? '', /^error: .*(?<!,)\/nonexistent\/b/);
  });

  test('each value counts if the flag takes several', async () => {
    const labels = ['--label', 'a=b', '--label', 'c', '--label', 'd=e'];
    assert.match((await errorOf('create', 'web', ...labels)) ?? '', /invalid argument "c" for "--label"/);
  });
});

test('a mistyped command gets a suggestion', async () => {
  for (const [typed, meant] of [
    ['creat', 'create'],
    ['stauts', 'status'],
    ['snap', 'snapshot'],
  ]) {
    const { code, stderr } = await runBundle([typed ?? '', 'web']);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `error: unknown command "${typed}" for "kubectl preload"\n\nDid you mean this?\n\t${meant}\n\nSee 'kubectl preload -h' for help and examples\n`,
    );
  }
});

describe('KUBECTL_PRELOAD_… variables are defaults for flags', () => {
  const flawed = async (argv: string[], env: Record<string, string>) => (await runBundle(argv, env)).stderr;

  test('are checked like flags', async () => {
    assert.match(await flawed(['create', 'web'], { KUBECTL_PRELOAD_PARALLEL: '8' }), /no cluster is configured/);
    assert.match(
      await flawed(['create', 'web'], { KUBECTL_PRELOAD_SIZE: 'big' }),
      /invalid argument "big" for "--size"/,
    );
    assert.match(
      await flawed(['status'], { KUBECTL_PRELOAD_REQUEST_TIMEOUT: 'x' }),
      /invalid argument "x" for "--request-timeout"/,
    );
  });

  test('are true or false for a flag without a value', async () => {
    const strict = (value: string) => flawed(['create', 'web'], { KUBECTL_PRELOAD_STRICT: value });
    for (const value of ['true', 'false']) assert.match(await strict(value), /no cluster is configured/);
    for (const value of ['0', 'no']) assert.match(await strict(value), /"--strict": must be true or false/);
  });

  test('are overridden by flags', async () => {
    const argv = ['create', 'web', '--size', 'small'];
    assert.match(await flawed(argv, { KUBECTL_PRELOAD_SIZE: 'big' }), /invalid argument "small" for "--size"/);
  });

  test('count only if the command has the flag', async () => {
    const { code } = await runBundle(['version'], { KUBECTL_PRELOAD_SIZE: 'big', KUBECTL_PRELOAD_FROBNICATE: '1' });
    assert.equal(code, 0);
  });

  test('do not count for arguments, --help and --version', async () => {
    const env = { KUBECTL_PRELOAD_NAME: 'web', KUBECTL_PRELOAD_HELP: 'true', KUBECTL_PRELOAD_VERSION: 'v1' };
    assert.match(await flawed(['create'], env), /specify NAME or --generate-name/);
  });
});

describe('escape codes', () => {
  const flawed = ['create', 'Web'];

  for (const env of [{}, { TERM: 'xterm-256color', CI: '1' }, { FORCE_COLOR: '1' }]) {
    test(`none without a terminal, with ${JSON.stringify(env)}`, async () => {
      const { stdout, stderr } = await runBundle(flawed, env);
      assert.ok(!(stdout + stderr).includes(ESCAPE));
    });
  }

  const onTerminal = async (env: Record<string, string>): Promise<string> => {
    const command = ['stty cols 100;', process.execPath, BUNDLE, ...flawed].join(' ');
    const argv = ['--quiet', '--command', command, '/dev/null'];
    return (await run('script', argv, { env: { PATH: '/usr/bin:/bin', ...env } }).catch(({ stdout }) => ({ stdout })))
      .stdout;
  };

  test('colours on a terminal', async () => {
    assert.match(await onTerminal({ TERM: 'xterm' }), new RegExp(`${ESCAPE}\\[31merror:`));
  });

  for (const env of [{ NO_COLOR: '1', TERM: 'xterm' }, { TERM: 'dumb' }]) {
    test(`none on a terminal, with ${JSON.stringify(env)}`, async () => {
      assert.match(await onTerminal(env), /^error: invalid NAME/);
    });
  }
});

test('a closed pipe ends the program without a stack', async () => {
  const command = `{ sleep 0.5; ${process.execPath} ${BUNDLE} "$@"; } | true`;
  for (const argv of [['version'], ['-h']]) {
    assert.equal((await run('sh', ['-c', command, 'sh', ...argv])).stderr, '');
  }
});

test('the value of a flag may begin with a dash', async () => {
  const { stderr } = await runBundle(['export', '--ctr-flags', '-a x', '--to', '/nonexistent', '--cache-only']);
  assert.match(stderr, /^error: cannot open the volume: no such file or directory: /m);
});

test('an unreadable request is reported without a stack', async () => {
  const { code, stderr } = await runBundle(['export', '--request', '/nonexistent', '--root', '/nonexistent']);
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot read the request: no such file or directory: \/nonexistent/);
  assert.equal(stderr.trim().split('\n').length, 1);
});
