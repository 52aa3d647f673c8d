import { hexOf } from '../../model/oci.ts';
import { layerFolder } from '../format.ts';
import type { TarEntry } from './gnu-tar.ts';
import type { Databases } from './store.ts';

/** Where restore.sh links the volume of each set to, on nodes. */
const NODE_STATE = '/var/lib/kubectl-preload';

const METADATA = 'io.containerd.metadata.v1.bolt';
const SNAPSHOTTER = 'io.containerd.snapshotter.v1.overlayfs';
const CONTENT = 'io.containerd.content.v1.content';

/** Files of the databases, below containerd's root. */
export const DATABASE_FILES: Record<keyof Databases, string> = {
  metadata: `${METADATA}/meta.db`,
  snapshots: `${SNAPSHOTTER}/metadata.db`,
};

/** In the archive, `chainID number link|copy` per line, parents first: which folder of containerd's has which layer. */
export const FOLDER_LIST = 'layers';

interface Seed {
  databases: Databases;
  /** by digest */
  documents: ReadonlyMap<string, Buffer>;
  /** parents first */
  layers: readonly { chainId: string; sandbox: boolean }[];
  /** of the layers' folders, by chain ID */
  numbers: ReadonlyMap<string, number>;
  set: string;
}

/**
 * The folders of a containerd that has all images, as it makes them itself, modes included; restore.sh puts them into its
 * root. The layers are links, also those of the sandbox image, which restore.sh copies.
 */
export const seedEntries = ({ databases, documents, layers, numbers, set }: Seed): TarEntry[] => {
  const folder = (name: string, mode: number): TarEntry => ({ type: 'folder', name, mode });
  const file = (name: string, mode: number, data: Buffer): TarEntry => ({ type: 'file', name, mode, data });
  const numbered = layers.map((layer) => ({ ...layer, number: numbers.get(layer.chainId) }));
  const list = numbered.map(({ chainId, number, sandbox }) => `${chainId} ${number} ${sandbox ? 'copy' : 'link'}\n`);
  return [
    file(FOLDER_LIST, 0o644, Buffer.from(list.join(''))),
    folder(METADATA, 0o711),
    file(DATABASE_FILES.metadata, 0o644, databases.metadata),
    folder(SNAPSHOTTER, 0o700),
    file(DATABASE_FILES.snapshots, 0o600, databases.snapshots),
    folder(`${SNAPSHOTTER}/snapshots`, 0o700),
    ...numbered.flatMap(({ chainId, number }): TarEntry[] => [
      folder(`${SNAPSHOTTER}/snapshots/${number}`, 0o700),
      {
        type: 'link',
        name: `${SNAPSHOTTER}/snapshots/${number}/fs`,
        mode: 0o777,
        target: `${NODE_STATE}/${set}/${layerFolder(chainId)}`,
      },
    ]),
    folder(CONTENT, 0o755),
    folder(`${CONTENT}/blobs`, 0o755),
    folder(`${CONTENT}/blobs/sha256`, 0o755),
    ...[...documents]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([digest, data]) => file(`${CONTENT}/blobs/sha256/${hexOf(digest)}`, 0o444, data)),
  ];
};
