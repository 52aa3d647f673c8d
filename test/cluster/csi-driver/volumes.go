package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (s *controllerServer) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if request.Name == "" || len(request.VolumeCapabilities) == 0 {
		return nil, status.Error(codes.InvalidArgument, "name and capabilities are required")
	}
	if reason := unsupported(request.VolumeCapabilities...); reason != "" {
		return nil, status.Error(codes.InvalidArgument, reason)
	}
	sourceID := contentSourceID(request.VolumeContentSource)
	id := newID(volumePrefix, request.Name)
	existing, err := s.pool.volume(id)
	if err == nil {
		if existing.SourceID != sourceID || !fits(existing.SizeBytes, request.CapacityRange) {
			return nil, status.Errorf(codes.AlreadyExists, "%s has another size or source", id)
		}
		return &csi.CreateVolumeResponse{Volume: volumeMessage(existing)}, nil
	} else if !isNotFound(err) {
		return nil, err
	}
	volume, err := s.newVolume(id, sourceID, request)
	if err != nil {
		return nil, err
	}
	return &csi.CreateVolumeResponse{Volume: volumeMessage(volume)}, nil
}

func (s *controllerServer) newVolume(id, sourceID string, request *csi.CreateVolumeRequest) (*image, error) {
	var source *image
	if sourceID != "" {
		var err error
		if source, err = s.pool.load("", sourceID); err != nil {
			return nil, err
		}
	}
	size := newVolumeSize(request.CapacityRange, source)
	if !fits(size, request.CapacityRange) || (source != nil && size < source.SizeBytes) {
		return nil, status.Errorf(codes.OutOfRange, "a volume from source %q cannot have a size in the range %v", sourceID, request.CapacityRange)
	}
	if source != nil {
		if err := cloneFault(request.Parameters, s.firstRequest("create", id)); err != nil {
			return nil, err
		}
	}
	volume := &image{ID: id, Name: request.Name, SizeBytes: size, Created: time.Now(), Parameters: request.Parameters}
	return volume, s.pool.create(volume, source)
}

func (s *controllerServer) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "volume id is required")
	}
	volume, err := s.pool.volume(request.VolumeId)
	if isNotFound(err) {
		return &csi.DeleteVolumeResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	node, err := s.pool.stagedOn(volume)
	if err != nil {
		return nil, err
	}
	if volume.AttachedTo != "" || node != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "attached to %q, staged on %q", volume.AttachedTo, node)
	}
	if err := s.pool.deletionFault(volume); err != nil {
		return nil, err
	}
	return &csi.DeleteVolumeResponse{}, s.pool.remove(volume.ID)
}

func (s *controllerServer) ControllerExpandVolume(_ context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	if request.VolumeId == "" || request.CapacityRange == nil {
		return nil, status.Error(codes.InvalidArgument, "volume id and capacity range are required")
	}
	volume, err := s.pool.volume(request.VolumeId)
	if err != nil {
		return nil, err
	}
	if size := roundUp(request.CapacityRange.RequiredBytes); size > volume.SizeBytes {
		if err := os.Truncate(s.pool.imagePath(volume.ID), size); err != nil {
			return nil, err
		}
		volume.SizeBytes = size
		if err := s.pool.save(volume); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: volume.SizeBytes, NodeExpansionRequired: true}, nil
}

func (s *controllerServer) ListVolumes(_ context.Context, request *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	all, err := s.pool.list(volumePrefix)
	if err != nil {
		return nil, err
	}
	volumes, nextToken, err := page(all, request.StartingToken, request.MaxEntries)
	if err != nil {
		return nil, err
	}
	response := &csi.ListVolumesResponse{NextToken: nextToken}
	for _, volume := range volumes {
		entry := &csi.ListVolumesResponse_Entry{Volume: volumeMessage(volume), Status: &csi.ListVolumesResponse_VolumeStatus{}}
		if volume.AttachedTo != "" {
			entry.Status.PublishedNodeIds = []string{volume.AttachedTo}
		}
		response.Entries = append(response.Entries, entry)
	}
	return response, nil
}

func volumeMessage(volume *image) *csi.Volume {
	return &csi.Volume{VolumeId: volume.ID, CapacityBytes: volume.SizeBytes, ContentSource: contentSource(volume.SourceID)}
}

func contentSource(id string) *csi.VolumeContentSource {
	switch {
	case strings.HasPrefix(id, snapshotPrefix):
		return &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: id},
		}}
	case strings.HasPrefix(id, volumePrefix):
		return &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
			Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: id},
		}}
	}
	return nil
}

func contentSourceID(source *csi.VolumeContentSource) string {
	return source.GetSnapshot().GetSnapshotId() + source.GetVolume().GetVolumeId() // one of the two, or neither
}
