//go:build linux

package main

import (
	"fmt"
	"net/url"
	"strings"

	"parley/e2e/chaos/site"
)

// leaks says of each line of an instance's log that holds a secret: one of the load's, the key,
// or the database's password.
func (p *plant) leaks(secrets []string) (violations []string, err error) {
	secrets = append(secrets, site.Key)
	if at, err := url.Parse(p.direct); err == nil {
		if password, has := at.User.Password(); has {
			secrets = append(secrets, password)
		}
	}
	for n, instance := range p.instances {
		printed, err := instance.Printed()
		if err != nil {
			return nil, fmt.Errorf("searching the log for secrets: %w", err)
		}
		for line := range strings.Lines(printed) {
			if holdsAny(line, secrets) {
				violations = append(violations, fmt.Sprintf("Instance %d printed a secret: %s", n, strings.TrimSpace(line)))
			}
		}
	}
	return violations, nil
}

func holdsAny(line string, secrets []string) bool {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(line, secret) {
			return true
		}
	}
	return false
}
