package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
)

// services are what Debian's packages run of the parts: from the installation on,
// and whenever the machine starts.
var services = map[part]string{nginx: "nginx.service", haproxy: "haproxy.service", caddy: "caddy.service", pgbouncer: "pgbouncer.service"}

// withoutServices installs the parts and leaves none of them running, nor to be
// run when the machine starts.
func withoutServices(parts []part, install func() error) error {
	err := withoutMainCluster(func() error { return withoutStarts(policy, install) })
	return errors.Join(err, disable(parts))
}

// policy is the program that Debian's packages ask whether they may start what
// they bring.
const policy = "/usr/sbin/policy-rc.d"

// no is the answer of a policy that forbids every action.
const no = "#!/bin/sh\nexit 101\n"

// withoutStarts puts a policy that forbids every start in the file, for this
// installation alone. One that the machine has is put back.
func withoutStarts(file string, install func() error) (err error) {
	aside := file + ".parley-tests"
	switch moved := os.Rename(file, aside); {
	case moved == nil:
		defer func() { err = errors.Join(err, os.Rename(aside, file)) }()
	case errors.Is(moved, os.ErrNotExist):
		defer func() { err = errors.Join(err, os.Remove(file)) }()
	default:
		return moved
	}
	if err := os.WriteFile(file, []byte(no), 0o755); err != nil {
		return err
	}
	return install()
}

// disable keeps systemd from starting the services of the parts with the machine;
// the packages enable them. Without systemd there is nothing that would.
func disable(parts []part) error {
	if _, err := exec.LookPath("systemctl"); err != nil {
		return nil
	}
	command := []string{"--quiet", "disable"}
	for _, p := range parts {
		if service, ok := services[p]; ok {
			command = append(command, service)
		}
	}
	if len(command) == 2 {
		return nil
	}
	return run(io.Discard, "systemctl", command...)
}
