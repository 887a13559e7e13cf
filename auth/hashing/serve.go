package hashing

import (
	"io"
	"net/rpc"
)

// service and method are what Serve is asked for.
const (
	service = "Hashing"
	method  = service + ".Do"
)

// Serve does what [Beside] asks for, until in ends. Its process has from then on only the time
// that nobody else wants, where the system knows such a thing; else its usual share.
func Serve(in io.Reader, out io.Writer) error {
	yieldToAll()
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

// stdio is what the process reads and writes; both stay open.
type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error { return nil }
