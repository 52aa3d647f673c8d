package main

import "github.com/container-storage-interface/spec/lib/go/csi"

const (
	blockSize         = 4096
	defaultVolumeSize = 1 << 30
)

func newVolumeSize(capacity *csi.CapacityRange, source *image) int64 {
	switch {
	case capacity.GetRequiredBytes() > 0:
		return roundUp(capacity.RequiredBytes)
	case source != nil:
		return source.SizeBytes
	}
	return defaultVolumeSize
}

func fits(size int64, capacity *csi.CapacityRange) bool {
	limit := capacity.GetLimitBytes()
	return size >= capacity.GetRequiredBytes() && (limit == 0 || size <= limit)
}

func roundUp(bytes int64) int64 {
	return (bytes + blockSize - 1) / blockSize * blockSize
}
