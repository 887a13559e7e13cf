// Package cli is the command line. Three kinds of commands stand beside one another: serve
// runs a server; user, token, invite, restore and log work on its database beside it; and
// signup, login, logout, whoami, chats, join, leave, say, edit, delete, history, tail and
// wait are clients of a server, which know of it what package client does.
//
// Every setting of [server.Settings] is a flag, an environment variable, or a
// line of the file that --config names; the flag wins over the variable, the
// variable over the file.
//
// Whatever goes wrong before a command has done its work is told on standard error, one
// line for each mistake, with exit code 1; a command line that cannot be read with exit
// code 2. A client command that a signal ends exits with 128 and the signal's number (130
// behind Ctrl-C), and one whose output nobody reads to its end as [pipeClosed] says.
package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/server"
)

// commandLine is the grammar, as kong reads it.
type commandLine struct {
	Config configFile `env:"PARLEY_CONFIG" placeholder:"FILE" help:"File of PARLEY_NAME=value lines; variables and flags win over it."`
	server.Settings

	Serve serveCommand `cmd:"" default:"withargs" help:"Serve (what parley does without a command)."`
	User  struct {
		Add     userAddCommand     `cmd:"" help:"Make a user; the password is read from standard input."`
		List    userListCommand    `cmd:"" help:"List all users."`
		Show    userShowCommand    `cmd:"" help:"Tell of one user."`
		Disable userDisableCommand `cmd:"" help:"End all sessions and tokens of a user, and let that user log in no more."`
		Enable  userEnableCommand  `cmd:"" help:"Let a disabled user log in again; what ended stays over."`
		Passwd  userPasswdCommand  `cmd:"" help:"Set a user's password, which is read from standard input, and end the user's sessions."`
		Admin   userAdminCommand   `cmd:"" help:"Make a user an admin."`
		Delete  userDeleteCommand  `cmd:"" help:"Close a user's account for ever; the name is never used again."`
	} `cmd:"" help:"Administer users, also while a server runs."`
	Invite struct {
		Create inviteCreateCommand `cmd:"" help:"Make an invite by which people sign up, and print its code."`
		List   inviteListCommand   `cmd:"" help:"List all invites that have not expired."`
		Revoke inviteRevokeCommand `cmd:"" help:"Make an invite worthless."`
	} `cmd:"" help:"Administer invites, also while a server runs."`
	Token struct {
		Create tokenCreateCommand `cmd:"" help:"Make a script token for a user; it is printed this once."`
		List   tokenListCommand   `cmd:"" help:"List a user's script tokens."`
		Revoke tokenRevokeCommand `cmd:"" help:"Revoke a script token."`
	} `cmd:"" help:"Make, list and revoke script tokens, also while a server runs."`
	Restore restoreCommand `cmd:"" help:"Put a backup in the place of the SQLite database, while no server runs; the database that was there is kept."`
	Log     struct {
		Jump logJumpCommand `cmd:"" help:"Tell clients apart that know more than the database does, where that is not noticed: behind a snapshot of the disk that was put back."`
	} `cmd:"" help:"Work on the log."`
	Completion completionCommand `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"Answer what a completion script asks."`

	RemoveEphemeral removeEphemeralCommand `cmd:"" hidden:"" help:"Remove the folder of an ephemeral server once standard input ends."`

	Version versionCommand `cmd:"" help:"Say what was built from which source."`

	Signup  signupCommand  `cmd:"" group:"Client commands:" help:"Make an account, whose password is read from standard input, and log in."`
	Login   loginCommand   `cmd:"" group:"Client commands:" help:"Log in; the password is read from standard input."`
	Logout  logoutCommand  `cmd:"" group:"Client commands:" help:"End the session, and its streams."`
	Whoami  whoamiCommand  `cmd:"" group:"Client commands:" help:"Print your username."`
	Chats   chatsCommand   `cmd:"" group:"Client commands:" help:"List your chats."`
	Join    joinCommand    `cmd:"" group:"Client commands:" help:"Join a public chat."`
	Leave   leaveCommand   `cmd:"" group:"Client commands:" help:"Leave a chat."`
	Say     sayCommand     `cmd:"" group:"Client commands:" help:"Post a message, and print its id."`
	Edit    editCommand    `cmd:"" group:"Client commands:" help:"Give a message of yours another text."`
	Delete  deleteCommand  `cmd:"" group:"Client commands:" help:"Delete a message."`
	History historyCommand `cmd:"" group:"Client commands:" help:"Print older messages."`
	Tail    tailCommand    `cmd:"" group:"Client commands:" help:"Follow a chat, or all of yours."`
	Wait    waitCommand    `cmd:"" group:"Client commands:" help:"Wait for a message that matches, and print it; exit code 1 where none comes in time."`
}

// usageError says that a command line cannot be read.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// log takes what a command tells beside its answer: warnings and worse.
func (s streams) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// exited is how help ends a command that has done all it should.
type exited int

// Main runs a command line, without the program's name, and returns the exit
// code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ok := v.(exited)
			if !ok {
				panic(v)
			}
			code = int(e)
		}
	}()
	ignoreClosedPipes()
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("parley"),
		kong.Description("A durable chat backend: log in, post, follow."),
		kong.Writers(stdout, stderr),
		kong.ValueFormatter(explain),
		kong.Help(help),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Bind(streams{stdin, stdout, stderr}),
	)
	if err != nil {
		return fail(stderr, err)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fail(stderr, ofUsage(err))
	}
	return exit(stderr, parsed.Run(line.Settings))
}

// ofUsage tells mistakes of the command line from those of the file that --config names.
func ofUsage(err error) error {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok && wrong.ExitCode() != 1 {
		return usageError{err}
	}
	return err
}

// exit tells the error of a command, where there is something to tell, and says with which
// code it ends.
func exit(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, syscall.EPIPE) {
		return pipeClosed
	}
	if by, ok := errors.AsType[interrupted](err); ok {
		return by.code()
	}
	return fail(stderr, err)
}

// help is kong's.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if of := ctx.Selected(); of != nil {
		hideSettings(of)
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// hideSettings hides the settings of a server, which are many, from a client's command.
func hideSettings(command *kong.Node) {
	if command.Group == nil {
		return
	}
	app := command
	for app.Parent != nil {
		app = app.Parent
	}
	for _, setting := range app.Flags {
		setting.Hidden = setting.Name != "help"
	}
}

// explain is a flag's help with its default, which kong leaves out where there
// is a placeholder.
func explain(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	if v.HasDefault && v.Default != "" {
		text += " Default: " + v.Default + "."
	}
	return text
}

// fail tells an error, a line for each of its own.
func fail(stderr io.Writer, err error) int {
	for text := range strings.Lines(err.Error()) {
		fmt.Fprintf(stderr, "parley: %s\n", visible(strings.TrimRight(text, "\n")))
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}
