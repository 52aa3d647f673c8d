import { copyFile, mkdir, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../cluster/machine/run.ts';
import { type Damage, edit, oneBlob, oneLayer, replaceByLink } from './damages.ts';

/** Runs a shell script in the layer that contains `path`. */
const inLayerWith =
  (path: string, script: string): Damage =>
  (volume) =>
    run(['sh', '-euc', `cd "$(dirname layers/*/fs/${path} | sed 's|/fs/.*|/fs|')"\n${script}`], { cwd: volume });

const lastBlob = async (volume: string): Promise<string> => {
  const blobs = (await readFile(join(volume, 'restore/blobs'), 'utf8')).trim().split('\n');
  return join(volume, 'blobs/sha256', blobs.at(-1)?.slice(79, 143) ?? '');
};

const layersOf = async (volume: string): Promise<string[]> =>
  (await readFile(join(volume, 'restore/layers'), 'utf8')).split('\n').map((line) => line.slice(7, 71));

const hex = 'f'.repeat(64);

/** Damage that restore.sh does not check, on a volume with layer blobs, and the path that verify reports. */
export const layerDamages: [name: string, damage: Damage, path: RegExp][] = [
  ['a file missing from a layer', inLayerWith('base', 'rm base'), /^layers\/\w+\/fs$/],
  ['an extra file in a layer', inLayerWith('base', ': >more'), /^layers\/\w+\/fs$/],
  [
    'changed content with the same size and times',
    inLayerWith(
      'base',
      'touch -r base ../t; printf bazE | dd of=base conv=notrunc status=none; touch -r ../t base; rm ../t; touch -d @0 .',
    ),
    /^layers\/\w+\/fs$/,
  ],
  ['an extra setuid bit', inLayerWith('base', 'chmod u+s base'), /^layers\/\w+\/fs$/],
  ['a missing setuid bit', inLayerWith('odd/setuid', 'chmod u-s odd/setuid'), /^layers\/\w+\/fs$/],
  ['another owner', inLayerWith('odd/owned', 'chown 0:0 odd/owned'), /^layers\/\w+\/fs$/],
  ['a missing capability', inLayerWith('odd/capable', 'setcap -r odd/capable'), /^layers\/\w+\/fs$/],
  [
    'an opaque folder that is no longer opaque',
    inLayerWith('data/replaced/new', 'setfattr -x trusted.overlay.opaque data/replaced'),
    /^layers\/\w+\/fs$/,
  ],
  ['a missing whiteout', inLayerWith('data/replaced/new', 'rm data/removed'), /^layers\/\w+\/fs$/],
  [
    'a whiteout that is an empty file',
    inLayerWith('data/replaced/new', 'rm data/removed; : >data/removed'),
    /^layers\/\w+\/fs$/,
  ],
  ['a hard link that is a copy', inLayerWith('odd/link-1', 'cp -a odd/link-1 c; mv c odd/link-1'), /^layers\/\w+\/fs$/],
  [
    'a link to a path outside the layer',
    inLayerWith('odd/symlink', 'ln -sfn /etc/shadow odd/symlink'),
    /^layers\/\w+\/fs$/,
  ],
  [
    'two layers exchanged',
    async (volume) => {
      const [one = '', other = ''] = (await layersOf(volume)).map((layer) => join(volume, 'layers', layer));
      await rename(one, `${one}.x`);
      await rename(other, one);
      await rename(`${one}.x`, other);
    },
    /^layers\/\w+\/fs$/,
  ],
  [
    'a layer without its fs',
    async (volume) => rm(join(await oneLayer(volume), 'fs'), { recursive: true }),
    /^layers\/\w+\/fs$/,
  ],
  [
    'a layer that is a file',
    async (volume) => {
      await rm(await oneLayer(volume), { recursive: true });
      await writeFile(await oneLayer(volume), '');
    },
    /^layers\/\w+\/fs$/,
  ],
  [
    'an extra folder beside the fs of a layer',
    async (volume) => mkdir(join(await oneLayer(volume), 'work')),
    /^layers\/\w+\/fs$/,
  ],
  [
    'a layer without an image',
    async (volume) => mkdir(join(volume, 'layers', hex, 'fs'), { recursive: true }),
    /^layers\/f+$/,
  ],
  [
    'a blob without an image',
    async (volume) => writeFile(join(volume, 'blobs/sha256', hex), ''),
    /^blobs\/sha256\/f+$/,
  ],
  [
    'a partial download in blobs/',
    async (volume) => writeFile(`${await oneBlob(volume)}.partial`, ''),
    /^blobs\/sha256\/\w+\.partial$/,
  ],
  ['blobs with another algorithm', (volume) => mkdir(join(volume, 'blobs/sha512')), /^blobs\/sha512$/],
  [
    'a layer blob with the content of another',
    async (volume) => copyFile(await oneBlob(volume), await lastBlob(volume)),
    /^blobs\/sha256\/\w+$/,
  ],
  ['a missing layer blob', async (volume) => unlink(await lastBlob(volume)), /^blobs\/sha256\/\w+$/],
  ['a layer blob that is a link', replaceByLink(lastBlob), /^blobs\/sha256\/\w+$/],
  ['a missing document', async (volume) => unlink(await oneBlob(volume)), /^blobs\/sha256\/\w+$/],
  ['an extra file', (volume) => writeFile(join(volume, 'restore/more'), ''), /^restore\/more$/],
  ['an extra link', (volume) => symlink('/etc', join(volume, 'etc')), /^etc$/],
  ['an extra pipe', (volume) => run(['mkfifo', join(volume, 'pipe')]), /^pipe$/],
  ['no restore.sh', (volume) => unlink(join(volume, 'restore.sh')), /^restore\.sh$/],
  ['no index.json', (volume) => unlink(join(volume, 'index.json')), /^index\.json$/],
  [
    'a name missing from index.json',
    edit('index.json', (text) => text.replace('shop/app:1', 'shop/app:2')),
    /^index\.json$/,
  ],
  ['no oci-layout', (volume) => unlink(join(volume, 'oci-layout')), /^oci-layout$/],
  ['no checksums', (volume) => rm(join(volume, 'verify'), { recursive: true }), /^verify\/files$/],
  ['no checksums for layers', (volume) => unlink(join(volume, 'verify/layers')), /^verify\/layers$/],
  ['a missing checksum of a layer', edit('verify/layers', (text) => text.replace(/.*\n/, '')), /^verify\/layers$/],
  ['a missing checksum of a file', edit('verify/files', (text) => text.replace(/.*\n/, '')), /./],
  ['checksums that are a link', replaceByLink((volume) => join(volume, 'verify/files')), /^verify\/files$/],
  ['another date', edit('preload.json', (text) => text.replace('2026-11-24', '2026-11-25')), /^preload\.json$/],
  [
    'another size of a layer',
    edit('preload.json', (text) => text.replace(/"bytes": (\d)/, '"bytes": 1$1')),
    /^preload\.json$/,
  ],
  [
    'an image without a name',
    edit('preload.json', (text) => text.replace(/"names": \[[^\]]*\]/, '"names": []')),
    /^preload\.json$/,
  ],
  [
    'an image with a hostile name',
    edit('preload.json', (text) => text.replace('registry.test/shop/app:1', '$(reboot)')),
    /^preload\.json$/,
  ],
  ['preload.json on one line', edit('preload.json', (text) => JSON.stringify(JSON.parse(text))), /^preload\.json$/],
];
