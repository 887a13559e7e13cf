package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// readPassword reads a line: from a terminal without showing it.
func readPassword(std streams) (string, error) {
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return askPassword(f, std.err)
	}
	line, err := bufio.NewReader(std.in).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	// Windows' editors and shells write a byte order mark before what they pass on.
	return strings.TrimPrefix(strings.TrimRight(line, "\r\n"), "\ufeff"), nil
}

// askPassword reads a line from a terminal. A signal that ends the process meanwhile must
// not leave a terminal that shows nothing of what is typed.
func askPassword(terminal *os.File, prompt io.Writer) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	heard, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(heard, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(heard)
	defer close(done)
	go func() {
		select {
		case s := <-heard:
			_ = term.Restore(fd, before)
			fmt.Fprintln(prompt)
			by, _ := s.(syscall.Signal)
			os.Exit(interrupted{by}.code())
		case <-done:
		}
	}()
	fmt.Fprint(prompt, "Password: ")
	password, err := term.ReadPassword(fd)
	fmt.Fprintln(prompt)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(password), nil
}
