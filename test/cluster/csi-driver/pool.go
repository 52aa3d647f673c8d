package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	volumePrefix   = "vol-"
	snapshotPrefix = "snap-"
)

var idPattern = regexp.MustCompile(`^(vol|snap)-[0-9a-f]{16}$`)

// pool is a folder: ID.img holds the bytes of a volume or snapshot, ID.json its record, nodes/ID says that a node exists.
type pool struct{ dir string }

// image is the record of a volume or snapshot.
type image struct {
	ID              string
	Name            string
	SourceID        string
	SizeBytes       int64
	Created         time.Time
	Filesystem      string // empty until a volume is first staged
	FilesystemBytes int64  // less than SizeBytes where the filesystem has yet to grow
	AttachedTo      string
	Parameters      map[string]string // of its storage class
	StagedOn        string            // counts only while a loop device holds the image: see stagedOn
}

func openPool(dir string) (pool, error) {
	return pool{dir}, os.MkdirAll(filepath.Join(dir, "nodes"), 0o700)
}

func (p pool) lock() (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}

// newID is the same for the same name, so that a repeated request finds what the first one made.
func newID(prefix, name string) string {
	hash := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%s%x", prefix, hash[:8])
}

func (p pool) imagePath(id string) string  { return filepath.Join(p.dir, id+".img") }
func (p pool) recordPath(id string) string { return filepath.Join(p.dir, id+".json") }
func (p pool) nodePath(id string) string   { return filepath.Join(p.dir, "nodes", id) }

// volume fails with NotFound if it does not exist.
func (p pool) volume(id string) (*image, error) { return p.load(volumePrefix, id) }

// snapshot fails with NotFound if it does not exist.
func (p pool) snapshot(id string) (*image, error) { return p.load(snapshotPrefix, id) }

// load takes an image of any kind where the prefix is empty.
func (p pool) load(prefix, id string) (*image, error) {
	absent := status.Errorf(codes.NotFound, "%q does not exist", id)
	if !strings.HasPrefix(id, prefix) || !idPattern.MatchString(id) {
		return nil, absent
	}
	content, err := os.ReadFile(p.recordPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent
	}
	if err != nil {
		return nil, err
	}
	record := &image{}
	return record, json.Unmarshal(content, record)
}

func isNotFound(err error) bool { return status.Code(err) == codes.NotFound }

// list is sorted by id.
func (p pool) list(prefix string) ([]*image, error) {
	paths, err := filepath.Glob(p.recordPath(prefix + "*"))
	if err != nil {
		return nil, err
	}
	images := []*image{}
	for _, path := range paths {
		record, err := p.load(prefix, strings.TrimSuffix(filepath.Base(path), ".json"))
		if err != nil {
			return nil, err
		}
		images = append(images, record)
	}
	return images, nil
}

func (p pool) save(record *image) error {
	content, err := json.Marshal(record)
	if err != nil {
		return err
	}
	partial := p.recordPath(record.ID) + ".partial"
	if err := os.WriteFile(partial, content, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, p.recordPath(record.ID))
}

// create makes an image that is empty, or a copy of source. The record comes last: without it the image does not exist.
func (p pool) create(created, source *image) error {
	path := p.imagePath(created.ID)
	if source == nil {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
	} else {
		if err := flushLoopDevice(p.imagePath(source.ID)); err != nil {
			return err
		}
		if err := run("cp", "--reflink=always", p.imagePath(source.ID), path); err != nil {
			return err
		}
		created.SourceID = source.ID
		created.Filesystem, created.FilesystemBytes = source.Filesystem, source.FilesystemBytes
	}
	if err := os.Truncate(path, created.SizeBytes); err != nil {
		return err
	}
	return p.save(created)
}

// remove takes the record last, so that an interrupted removal can be repeated.
func (p pool) remove(id string) error {
	for _, path := range []string{p.imagePath(id), p.recordPath(id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// stagedOn is the node that holds the volume, or "". A node that died took its mounts, and with them the loop device.
func (p pool) stagedOn(volume *image) (string, error) {
	device, err := loopDevice(p.imagePath(volume.ID))
	if err != nil || device == "" {
		return "", err
	}
	return volume.StagedOn, nil
}

func (p pool) addNode(id string) error { return os.WriteFile(p.nodePath(id), nil, 0o600) }

func (p pool) hasNode(id string) bool {
	_, err := os.Stat(p.nodePath(id))
	return err == nil
}
