package main

import (
	"context"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (s *controllerServer) CreateSnapshot(_ context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if request.Name == "" || request.SourceVolumeId == "" {
		return nil, status.Error(codes.InvalidArgument, "name and source volume id are required")
	}
	id := newID(snapshotPrefix, request.Name)
	existing, err := s.pool.snapshot(id)
	if err == nil {
		if existing.SourceID != request.SourceVolumeId {
			return nil, status.Errorf(codes.AlreadyExists, "%s is a snapshot of %s", id, existing.SourceID)
		}
		return &csi.CreateSnapshotResponse{Snapshot: snapshotMessage(existing)}, nil
	} else if !isNotFound(err) {
		return nil, err
	}
	volume, err := s.pool.volume(request.SourceVolumeId)
	if err != nil {
		return nil, err
	}
	if err := s.pool.snapshotFault(volume); err != nil {
		return nil, err
	}
	snapshot := &image{ID: id, Name: request.Name, SizeBytes: volume.SizeBytes, Created: time.Now()}
	if err := s.pool.create(snapshot, volume); err != nil {
		return nil, err
	}
	return &csi.CreateSnapshotResponse{Snapshot: snapshotMessage(snapshot)}, nil
}

func (s *controllerServer) DeleteSnapshot(_ context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if request.SnapshotId == "" {
		return nil, status.Error(codes.InvalidArgument, "snapshot id is required")
	}
	snapshot, err := s.pool.snapshot(request.SnapshotId)
	if isNotFound(err) {
		return &csi.DeleteSnapshotResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	return &csi.DeleteSnapshotResponse{}, s.pool.remove(snapshot.ID)
}

func (s *controllerServer) ListSnapshots(_ context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	all, err := s.pool.list(snapshotPrefix)
	if err != nil {
		return nil, err
	}
	wanted := []*image{}
	for _, snapshot := range all {
		if matches(request.SnapshotId, snapshot.ID) && matches(request.SourceVolumeId, snapshot.SourceID) {
			wanted = append(wanted, snapshot)
		}
	}
	snapshots, nextToken, err := page(wanted, request.StartingToken, request.MaxEntries)
	if err != nil {
		return nil, err
	}
	response := &csi.ListSnapshotsResponse{NextToken: nextToken}
	for _, snapshot := range snapshots {
		response.Entries = append(response.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: snapshotMessage(snapshot)})
	}
	return response, nil
}

func matches(filter, value string) bool { return filter == "" || filter == value }

func snapshotMessage(snapshot *image) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId:     snapshot.ID,
		SourceVolumeId: snapshot.SourceID,
		SizeBytes:      snapshot.SizeBytes,
		CreationTime:   timestamppb.New(snapshot.Created),
		ReadyToUse:     true,
	}
}
