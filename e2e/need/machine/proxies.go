package machine

// Nginx, HAProxy and Caddy return the paths of the proxies: the ones on PATH,
// else those that Debian keeps in a folder that is on root's PATH alone. They say
// false when there is none.
func Nginx() (string, bool)   { return firstProgram("nginx", "/usr/sbin/nginx") }
func HAProxy() (string, bool) { return firstProgram("haproxy", "/usr/sbin/haproxy") }
func Caddy() (string, bool)   { return firstProgram("caddy") }

// PgBouncer returns the path of the pooler of connections to PostgreSQL, found likewise.
func PgBouncer() (string, bool) { return firstProgram("pgbouncer", "/usr/sbin/pgbouncer") }
