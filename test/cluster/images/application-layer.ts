import type { Layer } from './layer.ts';
import { nodeBinary } from './root-filesystems.ts';

/** A folder of files cut out of the Node binary: real code, so that it compresses as real images do. */
export const application = (folder: string, { from, megabytes }: { from: number; megabytes: number }): Layer => {
  return {
    name: folder,
    inputs: { NODE_BINARY: nodeBinary },
    script: `
      mkdir -p ${folder}
      dd if="$NODE_BINARY" bs=1M skip=${from} count=${megabytes} status=none | split --bytes=64K - ${folder}/part-`,
  };
};
