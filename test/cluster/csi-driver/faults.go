package main

import (
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Parameters of a storage class that make this driver as difficult as others are.
const (
	snapshotsParameter    = "snapshots"    // "detached": like Cinder, of a volume that no node uses
	deletionParameter     = "deletion"     // "after-snapshots": like ZFS, a volume stays as long as its snapshots
	cloneSecondsParameter = "cloneSeconds" // a volume from a source is ready only this long after it was first requested
)

// snapshotFault refuses a snapshot of a volume in use, if its class says so.
func (p pool) snapshotFault(volume *image) error {
	if volume.Parameters[snapshotsParameter] != "detached" {
		return nil
	}
	node, err := p.stagedOn(volume)
	if err != nil {
		return err
	}
	if volume.AttachedTo == "" && node == "" {
		return nil
	}
	return status.Errorf(codes.FailedPrecondition, "Invalid volume: volume %s must be available, but is in-use", volume.ID)
}

// deletionFault refuses to delete a volume with snapshots, if its class says so.
func (p pool) deletionFault(volume *image) error {
	if volume.Parameters[deletionParameter] != "after-snapshots" {
		return nil
	}
	snapshots, err := p.list(snapshotPrefix)
	if err != nil {
		return err
	}
	for _, snapshot := range snapshots {
		if snapshot.SourceID == volume.ID {
			return status.Errorf(codes.FailedPrecondition, "volume %s has snapshot %s", volume.ID, snapshot.ID)
		}
	}
	return nil
}

// cloneFault refuses a volume from a source for a while, if its class says so. requested is when it was first requested.
func cloneFault(parameters map[string]string, requested time.Time) error {
	seconds, _ := strconv.Atoi(parameters[cloneSecondsParameter])
	if time.Since(requested) >= time.Duration(seconds)*time.Second {
		return nil
	}
	return status.Error(codes.DeadlineExceeded, "the copy is still in progress")
}

// firstRequest returns when a volume was first requested; calls come one at a time.
func (s *controllerServer) firstRequest(id string) time.Time {
	if s.requested == nil {
		s.requested = map[string]time.Time{}
	}
	if _, known := s.requested[id]; !known {
		s.requested[id] = time.Now()
	}
	return s.requested[id]
}
