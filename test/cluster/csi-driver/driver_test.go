package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const gibibyte = 1 << 30

var filesystems = []string{"ext4", "xfs"}

func TestSnapshotOfVolumeRemountedReadOnlyIsClean(t *testing.T) {
	for _, filesystem := range filesystems {
		t.Run(filesystem, func(t *testing.T) {
			driver := newDriver(t, filesystem)
			volume := driver.createVolume("sealed", gibibyte, nil)
			path := driver.publish(driver.node("a"), volume)
			written := writeRandomFile(t, path)
			must(t, run("mount", "-o", "remount,ro", path))

			snapshot := driver.createSnapshot("sealed", volume)

			// a read-only device cannot be recovered: mounting it fails unless the filesystem is clean
			device, err := output("losetup", "--read-only", "--find", "--show", driver.pool.imagePath(snapshot))
			must(t, err)
			t.Cleanup(func() { must(t, run("losetup", "--detach", device)) })
			options := map[string]string{"ext4": "ro", "xfs": "ro,nouuid"}[filesystem]
			target := t.TempDir()
			must(t, run("mount", "-o", options, device, target))
			t.Cleanup(func() { must(t, unmount(target)) })
			expectFile(t, target, written)
		})
	}
}

func TestSnapshotHoldsWhatWasWrittenButNotSynced(t *testing.T) {
	for _, filesystem := range filesystems {
		t.Run(filesystem, func(t *testing.T) {
			driver := newDriver(t, filesystem)
			node := driver.node("a")
			volume := driver.createVolume("busy", gibibyte, nil)
			written := writeRandomFile(t, driver.publish(node, volume))

			snapshot := driver.createSnapshot("busy", volume)
			clone := driver.createVolume("clone", 0, contentSource(volume))
			restored := driver.createVolume("restored", 0, contentSource(snapshot))

			expectFile(t, driver.publish(node, clone), written)
			expectFile(t, driver.publish(node, restored), written)
		})
	}
}

func TestMountedVolumeGrows(t *testing.T) {
	for _, filesystem := range filesystems {
		t.Run(filesystem, func(t *testing.T) {
			driver := newDriver(t, filesystem)
			node := driver.node("a")
			volume := driver.createVolume("growing", gibibyte, nil)
			path := driver.publish(node, volume)
			written := writeRandomFile(t, path)
			_, err := driver.controller.ControllerExpandVolume(driver.ctx, &csi.ControllerExpandVolumeRequest{
				VolumeId: volume, CapacityRange: &csi.CapacityRange{RequiredBytes: 3 * gibibyte},
			})
			must(t, err)

			_, err = node.NodeExpandVolume(driver.ctx, &csi.NodeExpandVolumeRequest{VolumeId: volume, VolumePath: path})
			if filesystem == "ext4" {
				expectCode(t, err, codes.FailedPrecondition)
				driver.unpublish(node, volume)
				driver.publish(node, volume)
			} else {
				must(t, err)
			}

			expectSize(t, path, 3*gibibyte)
			expectFile(t, path, written)
		})
	}
}

func TestRestoredVolumeMayBeLargerThanItsSource(t *testing.T) {
	for _, filesystem := range filesystems {
		t.Run(filesystem, func(t *testing.T) {
			driver := newDriver(t, filesystem)
			node := driver.node("a")
			volume := driver.createVolume("small", gibibyte, nil)
			written := writeRandomFile(t, driver.publish(node, volume))
			snapshot := driver.createSnapshot("small", volume)
			restored := driver.createVolume("large", 2*gibibyte, contentSource(snapshot))

			path := driver.publish(node, restored)

			expectSize(t, path, 2*gibibyte)
			expectFile(t, path, written)
		})
	}
}

func TestVolumeIsStagedOnOneNodeAtATime(t *testing.T) {
	driver := newDriver(t, "ext4")
	a, b := driver.node("a"), driver.node("b")
	volume := driver.createVolume("exclusive", gibibyte, nil)
	driver.publish(a, volume)
	expectCode(t, driver.stage(b, volume), codes.FailedPrecondition)
	_, err := driver.controller.DeleteVolume(driver.ctx, &csi.DeleteVolumeRequest{VolumeId: volume})
	expectCode(t, err, codes.FailedPrecondition)

	// node a dies: its mounts go with its mount namespace, and nobody unstages
	must(t, unmount(driver.targetPath(a, volume)))
	must(t, unmount(driver.stagingPath(a, volume)))

	driver.publish(b, volume)
}

func TestFailedStagingLeavesNoMount(t *testing.T) {
	driver := newDriver(t, "xfs")
	node := driver.node("a")
	volume := driver.createVolume("small", gibibyte, nil)
	driver.publish(node, volume)
	restored := driver.createVolume("large", 2*gibibyte, contentSource(volume))
	path := os.Getenv("PATH")
	broken := t.TempDir()
	must(t, os.Symlink("/bin/false", filepath.Join(broken, "xfs_growfs")))

	t.Setenv("PATH", broken+":"+path)
	if err := driver.stage(node, restored); err == nil || !strings.Contains(err.Error(), "xfs_growfs") {
		t.Fatalf("staging should fail in xfs_growfs, got %v", err)
	}
	t.Setenv("PATH", path)

	expectSize(t, driver.publish(node, restored), 2*gibibyte)
}

func writeRandomFile(t *testing.T, dir string) []byte {
	content := make([]byte, 10_000_000)
	_, err := rand.Read(content)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "file"), content, 0o600))
	return content
}

func expectFile(t *testing.T, dir string, written []byte) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "file"))
	must(t, err)
	if !bytes.Equal(content, written) {
		t.Error("the file is not what was written")
	}
}

// expectSize leaves a tenth of the device to the filesystem's own tables.
func expectSize(t *testing.T, path string, bytes int64) {
	t.Helper()
	var usage syscall.Statfs_t
	must(t, syscall.Statfs(path, &usage))
	if size := int64(usage.Blocks) * usage.Bsize; size > bytes || size < bytes*9/10 {
		t.Errorf("the filesystem has %d bytes, expected %d", size, bytes)
	}
}

func expectCode(t *testing.T, err error, code codes.Code) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("expected %s, got %v", code, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
