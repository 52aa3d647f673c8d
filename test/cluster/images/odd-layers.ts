import type { Layer } from './layer.ts';

export const beforeWhiteouts: Layer = {
  name: 'files to be hidden',
  script: `
    mkdir -p data/kept data/replaced/below data/removed-folder data/nested/deep
    for file in data/kept/a data/kept/b data/replaced/old data/replaced/below/old data/removed-folder/old \\
      data/removed data/changed data/becomes-folder data/nested/deep/removed data/nested/deep/kept; do
      echo "from below: $file" > "$file"
    done
    touch -d '2001-02-03 04:05:06.789' data/kept/a
    touch -d '2002-03-04 05:06:07' data/replaced data/kept`,
};

export const whiteouts: Layer = {
  name: 'whiteouts and an opaque folder',
  script: `
    mkdir -p data/replaced data/nested/deep data/becomes-folder
    touch data/.wh.removed data/.wh.removed-folder data/nested/deep/.wh.removed data/replaced/.wh..wh..opq
    for file in data/replaced/new data/changed data/becomes-folder/new; do echo "from above: $file" > "$file"; done`,
};

export const oddFiles: Layer = {
  name: 'odd files',
  script: `
    mkdir -p odd/sticky odd/group odd/closed
    cp /bin/busybox odd/capable
    setcap cap_net_bind_service,cap_net_raw+ep odd/capable
    echo attributes > odd/attributes
    setfattr -n user.note -v 'kept too' odd/attributes
    echo setuid > odd/setuid
    echo setgid > odd/setgid
    echo links > odd/link-1
    ln odd/link-1 odd/link-2
    ln odd/link-1 odd/sticky/link-3
    ln -s link-1 odd/symlink
    ln -s ../nowhere odd/dangling
    ln -s /etc/passwd odd/absolute
    mknod odd/null c 1 3
    mkfifo odd/fifo
    echo spaces > 'odd/ name with  spaces '
    echo unicode > 'odd/Grüße-日本語-🐳'
    echo backslash > 'odd/back\\slash'
    long=$(printf 'long%.0s' $(seq 50))
    mkdir -p "odd/$long/$long"
    echo long > "odd/$long/$long/$long"
    truncate -s 1M odd/sparse
    : > odd/empty
    echo owned > odd/owned
    echo far > odd/far-owner
    chown 1234:5678 odd/owned odd/group
    chown 2000000001:4000000002 odd/far-owner
    chmod 4755 odd/setuid
    chmod 2755 odd/setgid odd/group
    chmod 1777 odd/sticky
    chmod 0000 odd/closed
    touch -d '1970-01-01 00:00:00 UTC' odd/empty
    touch -d '1999-12-31 23:59:59.123456789 UTC' odd/owned`,
};

export const content = (name: string): Layer => {
  return { name, script: `mkdir -p content; seq 200000 | sed 's/^/${name} /' > content/${name}` };
};

export const empty: Layer = { name: 'nothing', script: '' };

export const zstd: Layer = { ...content('zstd'), compression: 'zstd' };

export const uncompressed: Layer = { ...content('uncompressed'), compression: 'none' };

export const deepChain: Layer[] = Array.from({ length: 64 }, (_, step) => ({
  name: `step ${step}`,
  script: `mkdir steps; echo ${step} > steps/${step}; echo ${step} > latest`,
}));
