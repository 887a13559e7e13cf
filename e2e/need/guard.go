package need

import "os/exec"

// guardScript waits for the end of its standard input, which comes when the
// test process closes it or dies, by whatever signal. Then it ends the server,
// frozen or not, and removes the folder. It goes round again where the test
// process died while it was just making or starting the cluster.
const guardScript = `
trap '' HUP INT TERM
cat >/dev/null
for round in 1 2 3 4 5 6 7 8 9 10; do
	if read -r pid <"$1/data/postmaster.pid"; then
		kill -CONT "$pid"
		"$2/pg_ctl" -D "$1/data" -m immediate -w -t 30 stop
	fi
	rm -rf "$1" && exit 0
	sleep 1
done
exit 1
`

// startGuard starts the process that ends the cluster. It must not keep this
// process's output open, or "go test" would wait for it: it has none.
func (c *Cluster) startGuard() error {
	guard := c.command("/bin/sh", "-c", guardScript, "sh", c.dir, c.bin)
	guard.Dir = "/" // it removes the folder that the others run in
	stdin, err := guard.StdinPipe()
	if err != nil {
		return err
	}
	if err := guard.Start(); err != nil {
		return err
	}
	c.guard, c.guardsStdin = guard, stdin
	return nil
}

// remove ends the cluster and returns when nothing is left of it.
func (c *Cluster) remove() error {
	c.guardsStdin.Close()
	if err := c.guard.Wait(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			return exit
		}
		return err
	}
	return nil
}
