// Serves the image of a disk as a cloud does with a disk that is made from a snapshot: a block is fetched from far away when
// it is read for the first time. Prints "ready" when FOLDER/disk is there. Ends at the end of its input, and then prints how
// many bytes were fetched.
// usage: lazy-disk IMAGE FOLDER
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

const (
	blockSize = 512 << 10
	latency   = 20 * time.Millisecond
	rate      = 30_000_000 // bytes a second, for all readers together
	transfer  = blockSize * time.Second / rate
)

// disk is the one file of the filesystem. Each block has a channel that is closed when the block has been fetched.
type disk struct {
	fs.Inode
	image *os.File
	size  int64

	mutex   sync.Mutex
	blocks  map[int64]chan struct{}
	busy    time.Time // until when fetches use the whole rate
	fetched int64
}

func (d *disk) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode = syscall.S_IFREG | 0o400
	out.Size = uint64(d.size)
	return fs.OK
}

func (d *disk) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, fs.OK
}

func (d *disk) Read(_ context.Context, _ fs.FileHandle, buffer []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	last := min(offset+int64(len(buffer)), d.size) - 1
	for block := offset / blockSize; block <= last/blockSize; block++ {
		d.fetch(block)
	}
	return fuse.ReadResultFd(d.image.Fd(), offset, len(buffer)), fs.OK
}

// fetch waits until the block is there. The latencies of several fetches overlap, their transfers do not.
func (d *disk) fetch(block int64) {
	d.mutex.Lock()
	done, known := d.blocks[block]
	if known {
		d.mutex.Unlock()
		<-done
		return
	}
	done = make(chan struct{})
	d.blocks[block] = done
	begin := time.Now().Add(latency)
	if d.busy.After(begin) {
		begin = d.busy
	}
	d.busy = begin.Add(transfer)
	end := d.busy
	d.fetched += blockSize
	d.mutex.Unlock()
	time.Sleep(time.Until(end))
	close(done)
}

type folder struct {
	fs.Inode
	disk *disk
}

func (f *folder) OnAdd(ctx context.Context) {
	f.AddChild("disk", f.NewPersistentInode(ctx, f.disk, fs.StableAttr{Mode: syscall.S_IFREG}), false)
}

func main() {
	image, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	info, err := image.Stat()
	if err != nil {
		log.Fatal(err)
	}
	served := &disk{image: image, size: info.Size(), blocks: map[int64]chan struct{}{}}
	server, err := fs.Mount(os.Args[2], &folder{disk: served}, &fs.Options{
		// or the kernel would send what the loop device asks for one after the other
		MountOptions: fuse.MountOptions{DirectMount: true, MaxBackground: 128, ExtraCapabilities: fuse.CAP_ASYNC_DIO},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	if err := server.Unmount(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(served.fetched)
}
