import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A containerd with its CRI plugin in its own mount namespace. It cannot write to the machine's /etc, /var and /run,
 * and cannot see what the machine's own containerd and preloads store there.
 */
export interface PrivateNode {
  /** PID of a process that always runs on it */
  pid: number;
  run(argv: readonly string[]): Promise<Outcome>;
  /** Starts a command in a process group of its own and leaves it running. */
  start(argv: readonly string[]): ChildProcess;
  ctr(...args: string[]): Promise<string>;
  /** Removes all names of the image, also those that CRI gave it. */
  removeImage(name: string): Promise<void>;
  /** Kills its containerd, and waits for the next one. */
  restartContainerd(): Promise<void>;
  stop(): Promise<void>;
}

// no /opt/containerd on the machine, and no ports
const CONFIG = `version = 2
disabled_plugins = ["io.containerd.internal.v1.opt"]
`;

const HIDE_MACHINE = join(import.meta.dirname, '../cluster/node/hide-machine.sh');

// Without the disks of test clusters, which nobody could detach as long as the node runs.
// /var/lib/containerd is a mount of its own, so that all else in /var can be watched; as with systemd, a containerd that was
// killed comes back
const BOOT = `
cd "$FOLDER"
awk '$5 ~ "^/var/tmp/" && $(NF - 1) ~ "^/dev/loop" { print $5 }' /proc/self/mountinfo | tac | xargs -r umount --lazy
mkdir -p hidden etc/upper etc/work var/lib/containerd var/tmp containerd run/systemd/system
chmod 1777 var/tmp
ln -sfn /run var/run
sh "$0" hidden
mount -t overlay -o lowerdir=hidden/etc:/etc,upperdir=etc/upper,workdir=etc/work overlay /etc
mount --bind var /var
mount --bind containerd /var/lib/containerd
mount --bind run /run
for folder in /preload /root/.docker; do
  [ ! -d $folder ] || mount -t tmpfs tmpfs $folder
done
mkdir -p /etc/containerd
cp config.toml /etc/containerd/config.toml
trap 'kill $!; wait $!; exit' TERM
while :; do
  containerd &
  echo $! >/run/containerd.pid
  wait $! && exit
  [ $? = 137 ]
done
`;

/**
 * Boots a node whose files are in `folder`; one that was stopped there continues with its store. `binaries` are folders,
 * `config` is added to containerd's config.toml.
 */
export const startPrivateNode = async (folder: string, binaries: string, config = ''): Promise<PrivateNode> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.toml'), CONFIG + config);
  const env = { ...withoutContainerd(process.env), PATH: `${binaries}:${process.env.PATH}`, FOLDER: folder };
  // ends with this process, however that ends
  const boot = spawn(
    'setpriv',
    ['--pdeathsig=TERM', 'unshare', '--mount', '--propagation', 'private', 'sh', '-euc', BOOT, HIDE_MACHINE],
    {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let log = '';
  boot.stderr.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-4000);
  });

  const start = (argv: readonly string[]) =>
    spawn('nsenter', [`--mount=/proc/${boot.pid}/ns/mnt`, '--', ...argv], { env, detached: true });
  const run = async (argv: readonly string[]) => outcome(start(argv));
  const ctr = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(['ctr', '--namespace', 'k8s.io', ...args]);
    if (code !== 0) throw new Error(`ctr ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const removeImage = async (name: string) => {
    const digest = (await ctr('images', 'ls', `name==${name}`)).match(/sha256:[0-9a-f]{64}/)?.[0];
    const names = await ctr('images', 'ls', '-q', `target.digest==${digest}`);
    await ctr('images', 'rm', '--sync', ...names.trim().split('\n'));
  };
  const restartContainerd = async () => {
    await run(['sh', '-c', 'kill -9 "$(cat /run/containerd.pid)"']);
    await ready(run, boot);
  };
  const stop = async () => {
    if (boot.exitCode !== null) return;
    boot.kill();
    await once(boot, 'exit');
  };

  await ready(run, boot).catch(async (error) => {
    await stop();
    throw new Error(`${error}: ${log}`);
  });
  return { pid: boot.pid ?? 0, run, start, ctr, removeImage, restartContainerd, stop };
};

/** Leaves out the variables that lead ctr and crictl to the machine's containerd. */
const withoutContainerd = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(CONTAINER|IMAGE_SERVICE_)/.test(name)));

const ready = async (run: PrivateNode['run'], boot: ChildProcess) => {
  for (let attempt = 0; attempt < 100 && boot.exitCode === null; attempt++) {
    const { code, stdout } = await run(['ctr', 'plugins', 'ls']);
    if (code === 0 && /^io\.containerd\.grpc\.v1\s+cri\s.*\bok\s*$/m.test(stdout)) return;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error('containerd with CRI does not get ready');
};

export const outcome = async (child: ChildProcess): Promise<Outcome> => {
  const result: Outcome = { code: null, stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    result.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    result.stderr += chunk;
  });
  [result.code] = await once(child, 'close');
  return result;
};
