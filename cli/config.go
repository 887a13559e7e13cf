package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// configFile is the path of a file of settings. Kong calls its hook once it knows
// the path, by flag or variable, and before it asks for what is not set yet.
type configFile string

// BeforeResolve reads the file and lets kong ask it.
func (configFile) BeforeResolve(app *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	path, _ := ctx.FlagValue(trace.Flag).(configFile)
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(string(path))
	if err != nil {
		return fmt.Errorf("--config: the file cannot be read: %w", err)
	}
	values, err := parseConfig(string(text), settingNames(app.Model.Node))
	if err != nil {
		return err
	}
	ctx.AddResolver(kong.ResolverFunc(values.resolve))
	return nil
}

// settingNames are the variables that a file may set: all but the file's own.
func settingNames(app *kong.Node) []string {
	var names []string
	for _, flag := range app.Flags {
		if flag.Name != "config" {
			names = append(names, flag.Envs...)
		}
	}
	return names
}

// configValues are a file's settings by the names of their variables.
type configValues map[string]string

// resolve is asked for each flag that the command line does not set. Kong would
// let its answer win over a variable.
func (v configValues) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
		if value, set := v[name]; set {
			return value, nil
		}
	}
	return nil, nil
}

// parseConfig reads what both systemd's EnvironmentFile and docker's --env-file
// take: NAME=value lines, empty ones, and comments behind '#'. One pair of quotes
// around a value, which systemd takes away and docker does not, is no part of any
// setting and taken away. The last of two lines for a name counts. A name that is
// no setting is a mistake; all mistakes are told.
func parseConfig(text string, names []string) (configValues, error) {
	values := make(configValues)
	var mistakes []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			mistakes = append(mistakes, fmt.Errorf("--config: line %d is no PARLEY_NAME=value", number))
		case !slices.Contains(names, name):
			mistakes = append(mistakes, fmt.Errorf("--config: line %d: there is no setting %s", number, name))
		default:
			values[name] = unquote(strings.TrimSpace(value))
		}
	}
	return values, errors.Join(mistakes...)
}

func unquote(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}
