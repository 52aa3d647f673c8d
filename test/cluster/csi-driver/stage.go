package main

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (s *nodeServer) NodeStageVolume(_ context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	if request.VolumeId == "" || request.StagingTargetPath == "" || request.VolumeCapability == nil {
		return nil, status.Error(codes.InvalidArgument, "volume id, staging path and capability are required")
	}
	if reason := unsupported(request.VolumeCapability); reason != "" {
		return nil, status.Error(codes.InvalidArgument, reason)
	}
	volume, err := s.pool.volume(request.VolumeId)
	if err != nil {
		return nil, err
	}
	if err := s.claim(volume); err != nil {
		return nil, err
	}
	if isMounted(request.StagingTargetPath) {
		return &csi.NodeStageVolumeResponse{}, nil
	}
	if err := s.stage(volume, request.VolumeCapability.GetMount(), request.StagingTargetPath); err != nil {
		return nil, errors.Join(err, unmount(request.StagingTargetPath)) // the retry would take a mount for success
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// claim refuses a second node: without attach nothing else does.
func (s *nodeServer) claim(volume *image) error {
	node, err := s.pool.stagedOn(volume)
	if err != nil {
		return err
	}
	if node != "" && node != s.id {
		return status.Errorf(codes.FailedPrecondition, "%s is staged on %s", volume.ID, node)
	}
	if s.attach && volume.AttachedTo != s.id {
		return status.Errorf(codes.FailedPrecondition, "%s is attached to %q, not to %s", volume.ID, volume.AttachedTo, s.id)
	}
	volume.StagedOn = s.id
	return s.pool.save(volume)
}

func (s *nodeServer) stage(volume *image, mount *csi.VolumeCapability_MountVolume, path string) error {
	file := s.pool.imagePath(volume.ID)
	if err := awaitRelease(file); err != nil {
		return err
	}
	if volume.Filesystem == "" {
		if err := s.format(volume, cmp.Or(mount.FsType, "ext4")); err != nil {
			return err
		}
	}
	if volume.Filesystem == "ext4" && mustGrow(volume) {
		if err := growExt4(file); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	if err := s.mount(volume, path, mount.MountFlags); err != nil {
		return err
	}
	if volume.Filesystem == "xfs" && mustGrow(volume) {
		if err := growXFS(file, path); err != nil {
			return err
		}
	}
	volume.FilesystemBytes = volume.SizeBytes
	return s.pool.save(volume)
}

func (s *nodeServer) mount(volume *image, path string, flags []string) error {
	file := s.pool.imagePath(volume.ID)
	how := volume.Parameters[mountParameter]
	if how == "fuse" {
		return run("fuse2fs", file, path)
	}
	if volume.Filesystem == "xfs" && how != "without-nouuid" {
		flags = append([]string{"nouuid"}, flags...) // a clone has its source's UUID
	}
	return mountImage(file, volume.Filesystem, path, flags)
}

func (s *nodeServer) format(volume *image, filesystem string) error {
	if err := format(s.pool.imagePath(volume.ID), filesystem); err != nil {
		return err
	}
	volume.Filesystem, volume.FilesystemBytes = filesystem, volume.SizeBytes
	return s.pool.save(volume)
}

func mustGrow(volume *image) bool { return volume.FilesystemBytes < volume.SizeBytes }

func (s *nodeServer) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	if request.VolumeId == "" || request.StagingTargetPath == "" {
		return nil, status.Error(codes.InvalidArgument, "volume id and staging path are required")
	}
	if err := unmount(request.StagingTargetPath); err != nil {
		return nil, err
	}
	volume, err := s.pool.volume(request.VolumeId)
	if isNotFound(err) {
		return &csi.NodeUnstageVolumeResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	node, err := s.pool.stagedOn(volume)
	if err != nil || node != s.id {
		return &csi.NodeUnstageVolumeResponse{}, err
	}
	return &csi.NodeUnstageVolumeResponse{}, awaitRelease(s.pool.imagePath(volume.ID))
}

func (s *nodeServer) NodeExpandVolume(_ context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	if request.VolumeId == "" || request.VolumePath == "" {
		return nil, status.Error(codes.InvalidArgument, "volume id and path are required")
	}
	volume, err := s.pool.volume(request.VolumeId)
	if err != nil {
		return nil, err
	}
	if !isMounted(request.VolumePath) {
		return nil, status.Errorf(codes.NotFound, "%s is not mounted at %s", volume.ID, request.VolumePath)
	}
	if mustGrow(volume) {
		if volume.Filesystem == "ext4" {
			return nil, status.Errorf(codes.FailedPrecondition, "%s grows when it is next staged: the kernel grows a mounted ext4 for CAP_SYS_RESOURCE alone", volume.ID)
		}
		if err := growXFS(s.pool.imagePath(volume.ID), request.VolumePath); err != nil {
			return nil, err
		}
		volume.FilesystemBytes = volume.SizeBytes
		if err := s.pool.save(volume); err != nil {
			return nil, err
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: volume.SizeBytes}, nil
}
