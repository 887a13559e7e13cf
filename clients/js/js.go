// Package js is the client for browsers and Node, embedded in the program.
package js

import _ "embed"

// Client is the module, and Types its declarations.
var (
	//go:embed client.js
	Client []byte
	//go:embed client.d.ts
	Types []byte
)
