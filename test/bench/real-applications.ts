import { once } from 'node:events';
import { readlink } from 'node:fs/promises';
import { debian, debianPackages } from '../cluster/images/root-filesystems.ts';
import type { SampleImage } from '../cluster/images/sample-image.ts';
import { succeeds } from '../cluster/machine/run.ts';
import { until } from '../cluster/machine/until.ts';
import type { PrivateNode } from '../harness/private-node.ts';
import { round } from './timing.ts';

/** A server as Debian packages it. */
interface Application {
  image: SampleImage;
  user: string;
  /** what its container runs */
  argv: string[];
  /** asks it something on its port of the local host, as its users do */
  request: string[];
}

const POSTGRESQL = '/etc/postgresql/15/main';

const postgresql = debianPackages('postgresql');

export const APPLICATIONS: Record<string, Application> = {
  nginx: {
    image: {
      names: ['real/nginx:1'],
      layers: [debian, debianPackages('nginx'), { name: 'a folder for logs', script: 'mkdir -p var/log/nginx' }],
    },
    user: 'root',
    argv: ['nginx', '-g', 'daemon off;'],
    request: ['curl', '--fail', '--silent', 'http://127.0.0.1/'],
  },
  redis: {
    image: { names: ['real/redis:1'], layers: [debian, debianPackages('redis-server')] },
    user: 'redis',
    argv: ['redis-server', '--save', ''],
    request: ['redis-cli', '-h', '127.0.0.1', 'set', 'key', 'value'],
  },
  postgresql: {
    image: {
      names: ['real/postgresql:1'],
      layers: [
        debian,
        postgresql,
        {
          name: 'anybody may log in',
          script: `mkdir -p .${POSTGRESQL}; echo 'host all all 127.0.0.1/32 trust' > .${POSTGRESQL}/pg_hba.conf`,
        },
      ],
    },
    user: 'postgres',
    argv: [
      '/usr/lib/postgresql/15/bin/postgres',
      ...['-c', `config_file=${POSTGRESQL}/postgresql.conf`],
      // the container has no groups that may read the key, and an empty /run
      ...['-c', 'ssl=off', '-c', 'unix_socket_directories=/tmp'],
    ],
    request: ['psql', '--host=127.0.0.1', '--username=postgres', '--command=SELECT count(*) FROM pg_tables'],
  },
};

/** What the requests take. */
export const CLIENT_PACKAGES = ['curl', 'iproute2', 'postgresql-client', 'redis-tools'];

const nameOf = ({ image }: Application): string => `registry.test/${image.names[0]}`;

/**
 * Starts a container of each application on the node, all at once. Returns after how many seconds each has answered; they
 * run on until `body` has ended.
 */
export const withAnswers = async <T>(
  node: PrivateNode,
  body: (seconds: Record<string, number>) => Promise<T>,
): Promise<T> => {
  const network = node.start(['unshare', '--net', 'sh', '-c', 'ip link set lo up; exec sleep infinity']);
  const namespace = `/proc/${network.pid}/ns/net`;
  const inside = ['nsenter', `--net=${namespace}`];
  try {
    await until('a network', async () => (await readlink(namespace)) !== (await readlink('/proc/self/ns/net')));
    const begin = performance.now();
    const answers = await Promise.all(
      Object.entries(APPLICATIONS).map(async ([name, application]) => {
        await start(node, name, application, namespace);
        await until(`the answer of ${name}`, () => succeeds([...inside, ...application.request]), 300);
        return [name, round((performance.now() - begin) / 1000)];
      }),
    );
    return await body(Object.fromEntries(answers));
  } finally {
    await node.run(['sh', '-c', 'ctr -n k8s.io tasks ls -q | xargs -n 1 ctr -n k8s.io tasks delete --force']);
    network.kill();
    await once(network, 'exit');
  }
};

const start = (node: PrivateNode, name: string, application: Application, network: string): Promise<string> =>
  node.ctr(
    ...['run', '--detach', '--snapshotter', 'overlayfs', '--user', application.user, '--with-ns', `network:${network}`],
    ...[nameOf(application), name, ...application.argv],
  );
