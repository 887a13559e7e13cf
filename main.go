// Parley is a durable chat backend: log in, post, follow. See README.md.
package main

import (
	"os"

	"parley/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
