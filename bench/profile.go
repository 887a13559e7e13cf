package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileVariable names the folder of profiles to the benchmark's servers.
const profileVariable = "PARLEY_BENCH_PROFILE"

// profile writes on what this process spends its processor time to a file in the
// folder, until stop is called, and has the servers that it starts do so too. Both
// concern the process as a whole; without a folder it does nothing, so that several
// runs may go on in one process.
func profile(folder, name string) (stop func(), err error) {
	if folder == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if err := os.Setenv(profileVariable, folder); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%s-%d.cpu", name, os.Getpid())))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}
