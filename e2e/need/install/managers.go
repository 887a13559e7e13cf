package main

import (
	"io"
	"os/exec"

	"parley/e2e/need/machine"
)

// manager is a package manager and what it calls the parts.
type manager struct {
	program  string
	packages map[part][]string
	// prepare are commands to run first.
	prepare [][]string
	// add is the command that the packages' names are put behind.
	add []string
	// quietly runs the installation of the parts so that none of them is
	// started, then or when the machine is; nil where the system starts nothing by
	// itself.
	quietly func(parts []part, install func() error) error
}

var managers = []manager{
	{
		program: "apt-get",
		packages: map[part][]string{
			postgres:  {"postgresql"},
			chromium:  {"chromium"},
			compiler:  {"gcc", "libc6-dev"},
			nginx:     {"nginx"},
			haproxy:   {"haproxy"},
			caddy:     {"caddy"},
			pgbouncer: {"pgbouncer"},
			bash:      {"bash"},
			zsh:       {"zsh"},
			fish:      {"fish"},
			node:      {"nodejs"},
			npm:       {"npm"},
		},
		prepare: [][]string{{"apt-get", "update"}},
		add:     []string{"apt-get", "install", "--yes", "--no-install-recommends"},
		quietly: withoutServices,
	},
	{
		program: "dnf",
		packages: map[part][]string{
			postgres:  {"postgresql-server"},
			chromium:  {"chromium"},
			compiler:  {"gcc", "glibc-devel"},
			nginx:     {"nginx"},
			haproxy:   {"haproxy"},
			caddy:     {"caddy"},
			pgbouncer: {"pgbouncer"},
			bash:      {"bash"},
			zsh:       {"zsh"},
			fish:      {"fish"},
			node:      {"nodejs"},
			npm:       {"npm"},
		},
		add: []string{"dnf", "install", "--assumeyes"},
	},
	{
		program: "apk",
		packages: map[part][]string{
			postgres:  {"postgresql"},
			chromium:  {"chromium"},
			compiler:  {"gcc", "musl-dev"},
			nginx:     {"nginx"},
			haproxy:   {"haproxy"},
			caddy:     {"caddy"},
			pgbouncer: {"pgbouncer"},
			bash:      {"bash"},
			zsh:       {"zsh"},
			fish:      {"fish"},
			node:      {"nodejs"},
			npm:       {"npm"},
		},
		add: []string{"apk", "add"},
	},
	{
		program: "pacman",
		packages: map[part][]string{
			postgres:  {"postgresql"},
			chromium:  {"chromium"},
			compiler:  {"gcc"},
			nginx:     {"nginx"},
			haproxy:   {"haproxy"},
			caddy:     {"caddy"},
			pgbouncer: {"pgbouncer"},
			bash:      {"bash"},
			zsh:       {"zsh"},
			fish:      {"fish"},
			node:      {"nodejs"},
			npm:       {"npm"},
		},
		add: []string{"pacman", "--sync", "--refresh", "--needed", "--noconfirm"},
	},
}

var homebrew = manager{
	program: "brew",
	packages: map[part][]string{
		postgres:  {"postgresql@17"},
		chromium:  {"google-chrome"}, // a cask, and no formula has its name
		nginx:     {"nginx"},
		haproxy:   {"haproxy"},
		caddy:     {"caddy"},
		pgbouncer: {"pgbouncer"},
		bash:      {"bash"},
		zsh:       {"zsh"},
		fish:      {"fish"},
		node:      {"node"},
		npm:       {"node"}, // which brings it
	},
	add: []string{"brew", "install"},
}

// systemsManager returns the manager of this system's packages.
func systemsManager() (manager, bool) {
	if machine.Homebrew() {
		return homebrew, true
	}
	for _, m := range managers {
		if _, err := exec.LookPath(m.program); err == nil {
			return m, true
		}
	}
	return manager{}, false
}

func (m manager) packagesFor(parts []part) []string {
	var names []string
	for _, p := range parts {
		names = append(names, m.packages[p]...)
	}
	return names
}

func (m manager) install(parts []part, out io.Writer) error {
	for _, command := range m.prepare {
		if err := run(out, command[0], command[1:]...); err != nil {
			return err
		}
	}
	command := append(m.add[1:len(m.add):len(m.add)], m.packagesFor(parts)...)
	add := func() error { return run(out, m.add[0], command...) }
	if m.quietly != nil {
		return m.quietly(parts, add)
	}
	return add()
}
