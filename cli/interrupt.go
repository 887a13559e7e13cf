package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the error of a command that a signal has ended. Its exit code is what a
// shell tells of a process that the signal ended: 130 for Ctrl-C.
type interrupted struct{ by syscall.Signal }

func (i interrupted) Error() string { return i.by.String() }
func (i interrupted) code() int     { return 128 + int(i.by) }

// untilSignal runs do, whose context ends with SIGINT or SIGTERM. A second signal ends the
// process at once.
func untilSignal(do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(heard)
	go func() {
		select {
		case s := <-heard:
			signal.Stop(heard)
			by, _ := s.(syscall.Signal)
			cancel(interrupted{by})
		case <-ctx.Done():
		}
	}()
	err := do(ctx)
	if by, ok := context.Cause(ctx).(interrupted); ok && err != nil {
		return by
	}
	return err
}
