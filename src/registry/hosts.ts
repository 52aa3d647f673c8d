import { join } from 'node:path/posix';
import { listNodeFolder, readNodeFile } from '../node/files.ts';
import { folderNames, parseHosts, type RegistryHost, registryItself, tlsOfFiles } from './hosts-file.ts';

/** Where the containerd of the node at `root` asks for images of `registry`, in order; `certsFolders` are its certs.d. */
export const hostsOf = async (
  registry: string,
  root: string,
  certsFolders: readonly string[],
  report: (warning: string) => void,
): Promise<RegistryHost[]> => {
  for (const folder of certsFolders.flatMap((certs) => folderNames(registry).map((name) => join(certs, name)))) {
    const names = await listNodeFolder(root, folder);
    if (!names) continue;
    const file = join(folder, 'hosts.toml');
    const text = await readNodeFile(root, file);
    try {
      if (text) return parseHosts(text, folder, registry);
    } catch {
      report(`${file} of the node is not valid and ignored`); // as containerd does; the reason would quote the file
    }
    return [registryItself(registry, tlsOfFiles(names, folder))];
  }
  return [registryItself(registry)];
};
