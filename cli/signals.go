package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups are the signals SIGHUP. A process that was started with SIGHUP ignored, as
// nohup does, has none.
func hangups() (heard <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	if signal.Ignored(syscall.SIGHUP) {
		return c, func() {}
	}
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// answer calls do for each signal that is heard, until done is closed.
func answer(heard <-chan os.Signal, done <-chan struct{}, do func()) {
	for {
		select {
		case <-heard:
			do()
		case <-done:
			return
		}
	}
}
