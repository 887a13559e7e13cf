package postgres

import (
	"context"
	"database/sql/driver"
)

// connector marks the errors of connecting, which are of many kinds and often of none
// that the driver exports: whatever it was, the database was not asked anything.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unconnected{err}
	}
	return conn, nil
}

// unconnected is an error of connecting.
type unconnected struct{ error }

func (e unconnected) Unwrap() error { return e.error }
