package hashing

import (
	"io"
	"net/rpc"
)

// What the child is asked for.
const (
	service = "Hashing"
	method  = service + ".Do"
	ping    = service + ".Ping"
)

// Serve is what a child does: it makes the hashes that [UseChild] asks for, until in ends. From
// then on its process runs on processor time that is otherwise idle; on other systems than Linux
// it has its usual share.
func Serve(in io.Reader, out io.Writer) error {
	idleAll()
	return serve(in, out)
}

func serve(in io.Reader, out io.Writer) error {
	server := rpc.NewServer()
	if err := server.RegisterName(service, hasher{}); err != nil {
		return err
	}
	server.ServeConn(stdio{in, out})
	return nil
}

// hasher is the service.
type hasher struct{}

// Do does the work in this process.
func (hasher) Do(w Work, r *Result) (err error) {
	*r, err = w.do()
	return err
}

// Ping answers.
func (hasher) Ping(bool, *bool) error { return nil }

// stdio is what the process reads and writes; both stay open.
type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
