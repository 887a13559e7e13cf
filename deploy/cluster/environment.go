//go:build unix

package main

import (
	"os"
	"slices"
	"strings"
)

// environment is that of this process without settings of parley.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PARLEY_") })
}
