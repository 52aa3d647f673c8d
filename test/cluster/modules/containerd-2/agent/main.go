// One program that is containerd or ctr if a link calls it so, as in k3s. By its own name it is neither.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins"
	"github.com/containerd/containerd/v2/cmd/containerd/command"
	"github.com/containerd/containerd/v2/cmd/ctr/app"
)

func run(name string) error {
	switch name {
	case "containerd":
		return command.App().Run(context.Background(), os.Args)
	case "ctr":
		return app.New().Run(context.Background(), os.Args)
	}
	return fmt.Errorf("unknown command %q", os.Args)
}

func main() {
	name := filepath.Base(os.Args[0])
	if err := run(name); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
