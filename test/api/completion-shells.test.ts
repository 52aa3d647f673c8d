import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { volumeSnapshot } from '../../src/manifests/snapshot.ts';
import { ensurePackages } from '../cluster/machine/apt.ts';
import { startTestServer } from './api-server.ts';
import { pluginFolder } from './plugin-folder.ts';
import { settings } from './records.ts';

await ensurePackages(['bash-completion', 'zsh', 'fish'], console.error);
const server = await startTestServer();
const plugin = await pluginFolder();
const home = await mkdtemp(join(tmpdir(), 'kubectl-preload-home-'));
after(async () => {
  await server.stop();
  await plugin.remove();
  await rm(home, { recursive: true });
});

before(async () => {
  await server.apply(volumeSnapshot(settings('weekly-20261127-013000')), {
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } },
    spec: { containers: [{ name: 'c', image: 'r.io:5000/team/app:2' }] },
  });
  await writeFile(
    join(home, 'contexts'),
    JSON.stringify({ contexts: [{ name: 'arn:aws:eks:eu:1:cluster/shop', context: { cluster: 'c', user: 'u' } }] }),
  );
});

/** How each shell starts and reads kubectl's completion, as its documentation says. */
const SHELLS: Record<string, { argv: string; setUp: string[] }> = {
  bash: {
    argv: 'bash --norc --noprofile -i',
    setUp: ['. /usr/share/bash-completion/bash_completion', '. <(kubectl completion bash)'],
  },
  zsh: { argv: 'zsh -f -i', setUp: ['autoload -Uz compinit; compinit -u', 'source <(kubectl completion zsh)'] },
  fish: { argv: 'fish --no-config -i', setUp: ['kubectl completion fish | source'] },
};

const PATIENCE = 60_000;

/** A shell in a terminal that a person types into. */
const openShell = async (name: string) => {
  const { argv, setUp } = SHELLS[name] ?? { argv: '', setUp: [] };
  const child = spawn('script', ['-qfec', argv, '/dev/null'], {
    env: {
      ...{ PATH: plugin.PATH, HOME: home, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
      ...{ KUBECONFIG: server.kubeconfig, KUBECTL_PRELOAD_COMPLETION_TIMEOUT: '10s' },
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (chunk) => {
    shown += chunk;
    // fish asks the terminal what it is, and waits for the answer
    if (String(chunk).includes('\u001b[c') || String(chunk).includes('\u001b[0c')) child.stdin.write('\u001b[?62c');
  });
  const plain = () => stripVTControlCharacters(shown);
  /** types `keys` and waits until the terminal shows something like `expected` */
  const type = async (keys: string, expected: RegExp): Promise<string> => {
    shown = '';
    child.stdin.write(keys);
    const end = performance.now() + PATIENCE;
    while (!expected.test(plain())) {
      if (performance.now() > end) assert.fail(`${JSON.stringify(keys)} showed ${JSON.stringify(plain())}`);
      await sleep(50);
    }
    return plain();
  };
  for (const line of setUp) child.stdin.write(`${line}\n`);
  await type('echo rea""dy\n', /^ready/m);
  /** the line becomes `completed` when TAB is pressed; then it is thrown away */
  const completes = async (typed: string, completed: RegExp): Promise<void> => {
    await type(`${typed}\t`, completed);
    await type('\u0003', /./);
    await type('echo ne""xt\n', /^next/m);
  };
  const close = () => child.kill('SIGKILL');
  return { type, completes, close };
};

for (const name of Object.keys(SHELLS)) {
  describe(`in ${name}`, () => {
    let shell: Awaited<ReturnType<typeof openShell>>;
    before(async () => {
      shell = await openShell(name);
    });
    after(() => shell.close());

    test('a verb is completed', () => shell.completes('kubectl preload stat', /kubectl preload status /));

    test('a flag is completed, and one that turns something off', async () => {
      await shell.completes('kubectl preload create web --one-t', /--one-tar-per-image /);
      await shell.completes('kubectl preload create web --no-se', /--no-seed /);
    });

    test('flags are listed with what they do', async () => {
      const again = name === 'bash' ? '\t' : ''; // which lists only then
      await shell.completes(`kubectl preload status --a${again}`, /--as-uid.*UID to impersonate/);
    });

    test('the value of a flag is completed, also behind an equals sign', async () => {
      await shell.completes('kubectl preload create web -o js', /-o json /);
      await shell.completes('kubectl preload create web --output=js', /--output=json /);
    });

    test('a preload in the cluster is completed', () =>
      shell.completes('kubectl preload verify weekly-2', /verify weekly-20261127-013000 /));

    test('names with colons and slashes are completed', async () => {
      await shell.completes('kubectl preload create web r.io:5000/te', /web r\.io:5000\/team\/app:2 /);
      const kubeconfig = `--kubeconfig=${join(home, 'contexts')}`;
      await shell.completes(
        `kubectl preload status ${kubeconfig} --context arn:aws:e`,
        /arn:aws:eks:eu:1:cluster\/shop /,
      );
    });

    test('a path is completed', () =>
      shell.completes(`kubectl preload status --kubeconfig ${home}/cont`, /--kubeconfig \S+\/contexts /));
  });
}
