package main

import (
	"errors"
	"os"
	"path/filepath"
)

// createCluster is where Debian's packages of PostgreSQL look for what to do
// when a server is installed.
const createCluster = "/etc/postgresql-common/createcluster.d"

// withoutMainCluster keeps Debian from making and starting a cluster "main" for
// the server that install brings. The word holds for this installation alone.
func withoutMainCluster(install func() error) error {
	_, err := os.Stat(createCluster)
	existed := err == nil
	if err := os.MkdirAll(createCluster, 0o755); err != nil {
		return err
	}
	file := filepath.Join(createCluster, "parley-tests.conf")
	if err := os.WriteFile(file, []byte("create_main_cluster = false\n"), 0o644); err != nil {
		return err
	}
	err = errors.Join(install(), os.Remove(file))
	if !existed {
		err = errors.Join(err, os.Remove(createCluster))
	}
	return err
}
