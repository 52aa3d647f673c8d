// Command bolt copies a database of containerd to a new file with pages of another size, as a kernel with such pages makes it.
package main

import (
	"fmt"
	"os"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: bolt FROM TO PAGESIZE")
	}
	size, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	from, err := bolt.Open(args[0], 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := bolt.Open(args[1], 0o600, &bolt.Options{PageSize: size, NoFreelistSync: true})
	if err != nil {
		return err
	}
	if err := bolt.Compact(to, from, 0); err != nil {
		return err
	}
	return to.Close()
}
