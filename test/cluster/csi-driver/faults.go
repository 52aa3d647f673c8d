package main

import (
	"strconv"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Parameters of a storage class that make this driver as difficult as others are.
const (
	snapshotsParameter    = "snapshots"     // "detached": like Cinder, of a volume that no node uses
	deletionParameter     = "deletion"      // "after-snapshots": like ZFS, a volume stays as long as its snapshots
	cloneSecondsParameter = "cloneSeconds"  // a volume from a source is ready only this long after it was first requested
	detachParameter       = "detachSeconds" // a volume is detached only this long after that was first requested
	mountParameter        = "mount"         // "without-nouuid": XFS as the kernel mounts it; "fuse": a filesystem that is not in the kernel
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
	if hasPassed(parameters[cloneSecondsParameter], requested) {
		return nil
	}
	return status.Error(codes.DeadlineExceeded, "the copy is still in progress")
}

// detachFault refuses to detach a volume for a while, if its class says so. requested is when it was first requested.
func detachFault(parameters map[string]string, requested time.Time) error {
	if hasPassed(parameters[detachParameter], requested) {
		return nil
	}
	return status.Error(codes.Internal, "the volume cannot be detached: the hypervisor does not answer")
}

func hasPassed(seconds string, since time.Time) bool {
	count, _ := strconv.Atoi(seconds)
	return time.Since(since) >= time.Duration(count)*time.Second
}

// firstRequest returns when this was first requested of a volume; calls come one at a time.
func (s *controllerServer) firstRequest(what, id string) time.Time {
	if s.requested == nil {
		s.requested = map[string]time.Time{}
	}
	key := what + " " + id
	if _, known := s.requested[key]; !known {
		s.requested[key] = time.Now()
	}
	return s.requested[key]
}
