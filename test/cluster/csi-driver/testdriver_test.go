package main

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// testDriver is a controller and nodes on a pool of their own; whatever a test leaves mounted is taken down after it.
type testDriver struct {
	t          *testing.T
	ctx        context.Context
	pool       pool
	controller *controllerServer
	capability *csi.VolumeCapability
	dir        string
}

func newDriver(t *testing.T, filesystem string) *testDriver {
	dir := t.TempDir()
	pool, err := openPool(mountPool(t, dir))
	must(t, err)
	return &testDriver{
		t: t, ctx: t.Context(), dir: dir, pool: pool,
		controller: &controllerServer{pool: pool},
		capability: &csi.VolumeCapability{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: filesystem}},
		},
	}
}

func mountPool(t *testing.T, dir string) string {
	file, target := filepath.Join(dir, "pool.xfs"), t.TempDir()
	must(t, run("truncate", "--size=8G", file))
	must(t, run("mkfs.xfs", "-q", "-m", "reflink=1", file))
	must(t, run("mount", "-o", "loop", file, target))
	t.Cleanup(func() {
		must(t, unmount(target))
		must(t, awaitRelease(file))
	})
	return target
}

func (d *testDriver) node(id string) *nodeServer { return &nodeServer{pool: d.pool, id: id} }

func (d *testDriver) stagingPath(node *nodeServer, volume string) string {
	return filepath.Join(d.dir, node.id, volume, "staging")
}

func (d *testDriver) targetPath(node *nodeServer, volume string) string {
	return filepath.Join(d.dir, node.id, volume, "target")
}

func (d *testDriver) createVolume(name string, size int64, source *csi.VolumeContentSource) string {
	d.t.Helper()
	response, err := d.controller.CreateVolume(d.ctx, &csi.CreateVolumeRequest{
		Name:                name,
		CapacityRange:       &csi.CapacityRange{RequiredBytes: size},
		VolumeCapabilities:  []*csi.VolumeCapability{d.capability},
		VolumeContentSource: source,
	})
	must(d.t, err)
	return response.Volume.VolumeId
}

func (d *testDriver) createSnapshot(name, volume string) string {
	d.t.Helper()
	response, err := d.controller.CreateSnapshot(d.ctx, &csi.CreateSnapshotRequest{Name: name, SourceVolumeId: volume})
	must(d.t, err)
	return response.Snapshot.SnapshotId
}

func (d *testDriver) stage(node *nodeServer, volume string) error {
	_, err := node.NodeStageVolume(d.ctx, &csi.NodeStageVolumeRequest{
		VolumeId: volume, StagingTargetPath: d.stagingPath(node, volume), VolumeCapability: d.capability,
	})
	return err
}

// publish stages and publishes the volume and returns where it is then.
func (d *testDriver) publish(node *nodeServer, volume string) string {
	d.t.Helper()
	must(d.t, d.stage(node, volume))
	target := d.targetPath(node, volume)
	_, err := node.NodePublishVolume(d.ctx, &csi.NodePublishVolumeRequest{
		VolumeId: volume, StagingTargetPath: d.stagingPath(node, volume), TargetPath: target, VolumeCapability: d.capability,
	})
	must(d.t, err)
	d.t.Cleanup(func() { d.unpublish(node, volume) })
	return target
}

func (d *testDriver) unpublish(node *nodeServer, volume string) {
	d.t.Helper()
	_, err := node.NodeUnpublishVolume(context.Background(), &csi.NodeUnpublishVolumeRequest{
		VolumeId: volume, TargetPath: d.targetPath(node, volume),
	})
	must(d.t, err)
	_, err = node.NodeUnstageVolume(context.Background(), &csi.NodeUnstageVolumeRequest{
		VolumeId: volume, StagingTargetPath: d.stagingPath(node, volume),
	})
	must(d.t, err)
}
