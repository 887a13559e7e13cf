package main

import (
	"runtime"

	"parley/e2e/need/machine"
)

// part is something that the tests need of the machine.
type part string

const (
	postgres  part = "PostgreSQL 15 or newer"
	chromium  part = "Chromium"
	compiler  part = "a C compiler"
	nginx     part = "nginx"
	haproxy   part = "HAProxy"
	caddy     part = "Caddy"
	pgbouncer part = "PgBouncer"
	bash      part = "bash"
	zsh       part = "zsh"
	fish      part = "fish"
	node      part = "Node.js"
	npm       part = "npm"
)

// lacking returns the parts that this machine does not have. PostgreSQL's
// programs are needed also where PARLEY_TEST_POSTGRES names a server: some
// tests stop and freeze theirs.
func lacking() []part {
	var missing []part
	if _, ok := machine.Postgres(); !ok {
		missing = append(missing, postgres)
	}
	if _, ok := machine.Chromium(); !ok {
		missing = append(missing, chromium)
	}
	// Elsewhere the race detector does without.
	if runtime.GOOS == "linux" {
		if _, ok := machine.Compiler(); !ok {
			missing = append(missing, compiler)
		}
	}
	for _, program := range []struct {
		part part
		look func() (string, bool)
	}{
		{nginx, machine.Nginx}, {haproxy, machine.HAProxy}, {caddy, machine.Caddy}, {pgbouncer, machine.PgBouncer},
		{bash, machine.Bash}, {zsh, machine.Zsh}, {fish, machine.Fish},
		{node, machine.Node}, {npm, machine.NPM},
	} {
		if _, ok := program.look(); !ok {
			missing = append(missing, program.part)
		}
	}
	return missing
}
