package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// connector makes the connections of a pool, with the pool's settings and in the life of the
// database that it leads to.
type connector struct {
	driver.Connector
	// settings is the statement that sets them. They are no part of the connection's first
	// message, because a pooler takes few in it.
	settings string
	// lives is nil where there may be no schema yet.
	lives *Lives
}

// Connect marks the errors of connecting, which are of many kinds and often of none
// that the driver exports: whatever it was, the database was not asked anything.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unconnected{err}
	}
	conn, err := c.begin(ctx, opened.(pqConn))
	if err != nil {
		return nil, unconnected{errors.Join(err, opened.Close())}
	}
	return conn, nil
}

func (c connector) begin(ctx context.Context, conn pqConn) (driver.Conn, error) {
	if c.settings != "" {
		if _, err := conn.ExecContext(ctx, c.settings, nil); err != nil {
			return nil, err
		}
	}
	if c.lives == nil {
		return conn, nil
	}
	return c.lives.join(ctx, conn)
}

// unconnected is an error of connecting.
type unconnected struct{ error }

func (e unconnected) Unwrap() error { return e.error }

// pqConn is what a connection of the driver can do, as database/sql asks for it.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// setting is the statement that sets all of settings, of which later ones win.
func setting(settings ...map[string]string) string {
	all := make(map[string]string)
	for _, s := range settings {
		maps.Copy(all, s)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text.WriteString("SET " + name + " = '" + all[name] + "';")
	}
	return text.String()
}

// one reads the one value that a query answers.
func one[T any](ctx context.Context, conn driver.QueryerContext, query string) (value T, err error) {
	rows, err := conn.QueryContext(ctx, query, nil)
	if err != nil {
		return value, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server left out an answer")
		}
		return value, err
	}
	value, ok := row[0].(T)
	if !ok {
		err = fmt.Errorf("the server's answer is a %T", row[0])
	}
	return value, err
}
