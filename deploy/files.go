// Package deploy holds files for running several instances; README.md says which is for what.
package deploy

import _ "embed"

// Nginx is the site of nginx before two instances, parley-1:8080 and parley-2:8080. It
// listens on port 80.
//
//go:embed nginx.conf
var Nginx string
