//go:build unix

package main

import (
	"strings"

	"parley/deploy"
)

// nginxMain is nginx as one process that writes to its own folder alone.
const nginxMain = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {
    worker_connections 4096;
}
http {
    access_log /dev/stdout;
    client_body_temp_path client;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
`

// nginxFor is the configuration of nginx on an address before instances.
func nginxFor(listen string, first, second string) string {
	site := strings.NewReplacer("listen 80;", "listen "+listen+";",
		"server parley-1:8080", "server "+first,
		"server parley-2:8080", "server "+second).Replace(deploy.Nginx)
	return nginxMain + site + "}\n"
}
