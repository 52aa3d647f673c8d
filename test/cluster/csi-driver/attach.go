package main

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (s *controllerServer) ControllerPublishVolume(_ context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	if request.VolumeId == "" || request.NodeId == "" || request.VolumeCapability == nil {
		return nil, status.Error(codes.InvalidArgument, "volume id, node id and capability are required")
	}
	volume, err := s.pool.volume(request.VolumeId)
	if err != nil {
		return nil, err
	}
	if !s.pool.hasNode(request.NodeId) {
		return nil, status.Errorf(codes.NotFound, "node %q does not exist", request.NodeId)
	}
	if volume.AttachedTo != "" && volume.AttachedTo != request.NodeId {
		return nil, status.Errorf(codes.FailedPrecondition, "%s is attached to %s", volume.ID, volume.AttachedTo)
	}
	volume.AttachedTo = request.NodeId
	return &csi.ControllerPublishVolumeResponse{}, s.pool.save(volume)
}

func (s *controllerServer) ControllerUnpublishVolume(_ context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	if request.VolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "volume id is required")
	}
	volume, err := s.pool.volume(request.VolumeId)
	if isNotFound(err) {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	if !matches(request.NodeId, volume.AttachedTo) {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	}
	node, err := s.pool.stagedOn(volume)
	if err != nil {
		return nil, err
	}
	if node != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "%s is still staged on %s", volume.ID, node)
	}
	if err := detachFault(volume.Parameters, s.firstRequest("detach", volume.ID)); err != nil {
		return nil, err
	}
	volume.AttachedTo = ""
	return &csi.ControllerUnpublishVolumeResponse{}, s.pool.save(volume)
}
