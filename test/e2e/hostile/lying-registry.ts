import { setTimeout as sleep } from 'node:timers/promises';
import { type Behaviour, type ProxyServer, startProxy } from '../registry/proxy-server.ts';

interface Content {
  content: string;
  descriptor: { digest: string };
}

/** What the repository `lying` says of its tag `1`. */
export interface Lie {
  /** what the tag points to */
  root: Pick<Content, 'content'>;
  /** what it serves honestly, by digest */
  contents?: Content[];
  /** how it serves everything else */
  body?: Behaviour;
}

export interface LyingRegistry {
  address: string;
  tell: (lie: Lie) => void;
  stop: ProxyServer['stop'];
}

/** A proxy in front of a real registry, with an additional repository that lies. */
export const startLyingRegistry = async (target: string): Promise<LyingRegistry> => {
  const { address, behave, stop } = await startProxy(target);
  const tell = ({ root, contents = [], body = endsEarly }: Lie): void =>
    behave((question, answer, pass) => {
      const url = decodeURIComponent(question.url ?? '');
      if (url.startsWith('/v2/sample/')) return pass();
      const found = url.endsWith('/manifests/1')
        ? root
        : contents.find(({ descriptor }) => url.endsWith(descriptor.digest));
      if (found) answer.end(found.content);
      else body(question, answer, pass);
    });
  return { address, tell, stop };
};

/** What a kubelet would run. */
const POD = 'apiVersion: v1\nkind: Pod\n';
const SIZE = 1_000_000;

/** What came before the end would stay. */
export const endsEarly: Behaviour = (_question, answer) => {
  answer.writeHead(200, { 'content-length': SIZE });
  answer.write(POD, () => answer.socket?.end());
};

/** Sends slowly, so that the data is on disk for minutes before it turns out to be wrong. */
export const trickles: Behaviour = async (_question, answer) => {
  answer.writeHead(200, { 'content-length': SIZE });
  while (!answer.destroyed) {
    answer.write(POD);
    await sleep(200);
  }
};
