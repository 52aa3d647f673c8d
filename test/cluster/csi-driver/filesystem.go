package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const releaseTimeout = 5 * time.Second

func run(name string, args ...string) error {
	_, err := output(name, args...)
	return err
}

func output(name string, args ...string) (string, error) {
	content, err := exec.Command(name, args...).CombinedOutput()
	text := strings.TrimSpace(string(content))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return text, nil
}

// loopDevice is the device that holds the image file, or "".
func loopDevice(file string) (string, error) {
	text, err := output("losetup", "--noheadings", "--output", "NAME", "--associated", file)
	device, _, _ := strings.Cut(text, "\n")
	return device, err
}

// flushLoopDevice brings what a mounted filesystem still holds in memory down to the image file: syncing the file is not enough.
func flushLoopDevice(file string) error {
	device, err := loopDevice(file)
	if err != nil || device == "" {
		return err
	}
	return run("blockdev", "--flushbufs", device)
}

// awaitRelease waits for the loop device to go: it goes with its last opener, some time after the unmount.
func awaitRelease(file string) error {
	for deadline := time.Now().Add(releaseTimeout); ; time.Sleep(50 * time.Millisecond) {
		device, err := loopDevice(file)
		if err != nil || device == "" {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is still in use", device)
		}
	}
}

func format(file, filesystem string) error {
	if filesystem == "xfs" {
		return run("mkfs.xfs", "-q", "-f", "-K", file)
	}
	// the image is new and sparse: nothing to discard, and no inode table to zero in the background later
	return run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,assume_storage_prezeroed=1", file)
}

// growExt4 wants the filesystem unmounted.
func growExt4(file string) error {
	if err := run("e2fsck", "-f", "-p", file); err != nil && !corrected(err) {
		return err
	}
	return run("resize2fs", file)
}

// corrected says that e2fsck found errors and mended them all.
func corrected(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// growXFS wants the filesystem mounted at path.
func growXFS(file, path string) error {
	device, err := loopDevice(file)
	if err != nil {
		return err
	}
	if err := run("losetup", "--set-capacity", device); err != nil {
		return err
	}
	return run("xfs_growfs", path)
}

// mountImage lets mount make the loop device, so that it vanishes with the last mount, however that ends.
func mountImage(file, filesystem, path string, flags []string) error {
	options := append([]string{"loop"}, flags...)
	return run("mount", "-t", filesystem, "-o", strings.Join(options, ","), file, path)
}

func bindMount(source, path string, readonly bool) error {
	options := "bind"
	if readonly {
		options += ",ro"
	}
	return run("mount", "-o", options, source, path)
}

func isMounted(path string) bool { return run("mountpoint", "-q", path) == nil }

func unmount(path string) error {
	for isMounted(path) {
		if err := run("umount", path); err != nil {
			return err
		}
	}
	return nil
}
