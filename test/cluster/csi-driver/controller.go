package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type controllerServer struct {
	csi.UnimplementedControllerServer
	pool      pool
	attach    bool
	requested map[string]time.Time // when slow calls came first, by what they want of which volume
}

func (s *controllerServer) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	types := []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
	}
	if s.attach {
		types = append(types,
			csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
			csi.ControllerServiceCapability_RPC_LIST_VOLUMES_PUBLISHED_NODES)
	}
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, t := range types {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: t}},
		})
	}
	return response, nil
}

func (s *controllerServer) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if request.VolumeId == "" || len(request.VolumeCapabilities) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume id and capabilities are required")
	}
	if _, err := s.pool.volume(request.VolumeId); err != nil {
		return nil, err
	}
	if reason := unsupported(request.VolumeCapabilities...); reason != "" {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: reason}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeCapabilities: request.VolumeCapabilities,
		VolumeContext:      request.VolumeContext,
		Parameters:         request.Parameters,
	}}, nil
}

func (s *controllerServer) GetCapacity(context.Context, *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	var usage syscall.Statfs_t
	if err := syscall.Statfs(s.pool.dir, &usage); err != nil {
		return nil, err
	}
	return &csi.GetCapacityResponse{AvailableCapacity: int64(usage.Bavail) * usage.Bsize}, nil
}

// unsupported says why the driver cannot serve one of the capabilities, or "".
func unsupported(capabilities ...*csi.VolumeCapability) string {
	for _, capability := range capabilities {
		switch mode := capability.GetAccessMode().GetMode(); mode {
		case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY:
		default:
			return fmt.Sprintf("access mode %s is not supported: a volume is used by one node at a time", mode)
		}
		if capability.GetMount() == nil {
			return "block volumes are not supported"
		}
		switch filesystem := capability.GetMount().FsType; filesystem {
		case "", "ext4", "xfs":
		default:
			return fmt.Sprintf("filesystem %s is not supported: use ext4 or xfs", filesystem)
		}
	}
	return ""
}
