import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Descriptor } from '../../cluster/images/oci-image.ts';
import { stopServer } from '../../harness/stop-server.ts';

export interface Content {
  descriptor: Descriptor;
  content: string | Buffer;
}

/** What a registry has in one repository. */
export interface Repository {
  /** what every tag points to */
  root: Content;
  /** what it has by digest */
  contents: Content[];
  /** what it does instead, by the end of the path, such as `manifests/1`, or for `*`, everything that it does not have */
  lies?: Record<string, Lie>;
}

/** `pass` answers as an honest registry would. */
export type Lie = (answer: ServerResponse, pass: () => void, question: IncomingMessage) => void;

/** A registry that answers from a table; an honest one unless the table says otherwise. */
export interface TableRegistry {
  /** `127.0.0.1:PORT` */
  address: string;
  /** the path of every request so far */
  requests: string[];
  serve(repository: string, content: Repository): void;
  stop(): Promise<void>;
}

export const startTableRegistry = async (): Promise<TableRegistry> => {
  const table = new Map<string, Repository>();
  const requests: string[] = [];
  const server = createServer((question, answer) => {
    const path = decodeURIComponent(new URL(question.url ?? '', 'http://registry').pathname);
    requests.push(path);
    if (path === '/v2/') return answer.end('{}');
    // a digest may be anything here, also a path
    const [, repository = '', rest = ''] = /^\/v2\/(.+?)\/((?:manifests|blobs)\/.*)$/.exec(path) ?? [];
    const entry = table.get(repository);
    const found = entry && find(entry, rest);
    const lie = entry?.lies?.[rest] ?? (found ? undefined : entry?.lies?.['*']);
    const pass = () => (found ? send(question, answer, found) : answer.writeHead(404).end());
    if (lie) lie(answer, pass, question);
    else pass();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    requests,
    serve: (repository, content) => {
      table.set(repository, content);
    },
    stop: () => stopServer(server),
  };
};

const find = ({ root, contents }: Repository, path: string): Content | undefined => {
  const [kind, name] = path.split('/');
  if (kind === 'manifests' && !name?.includes(':')) return root;
  return [root, ...contents].find(({ descriptor }) => descriptor.digest === name);
};

const send = ({ method }: IncomingMessage, answer: ServerResponse, { descriptor, content }: Content): void => {
  answer.writeHead(200, {
    'content-type': descriptor.mediaType.replaceAll(/[^ -~]/g, '?'), // a header cannot hold what a document can
    'content-length': Buffer.byteLength(content),
    'docker-content-digest': descriptor.digest,
  });
  answer.end(method === 'HEAD' ? undefined : content);
};
