package postgres

import (
	"context"
	"log/slog"

	"github.com/jmoiron/sqlx"
)

// Identity tells one life of a database from another. The numbers of the database and of a
// table change when a dump is restored. The system's identifier changes with the cluster,
// and the timeline when a standby is promoted or an archive is recovered up to a moment. A
// role that may not ask for the latter two does without them.
func Identity(ctx context.Context, q sqlx.QueryerContext, log *slog.Logger) (identity string, err error) {
	var allowed bool
	err = sqlx.GetContext(ctx, q, &allowed, `SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
		AND has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE')
		AND has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE')`)
	if err != nil {
		return "", err
	}
	query := `SELECT 'database ' || d.oid || ' head ' || CAST(CAST('head' AS regclass) AS oid)`
	if allowed {
		// The control file learns of a new timeline only with the next checkpoint.
		query += ` || ' system ' || (SELECT system_identifier FROM pg_control_system())
			|| ' timeline ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`
	} else {
		log.Warn("the role may not execute pg_control_system, pg_current_wal_lsn and pg_walfile_name: a failover or a recovered base backup is not noticed; run parley log jump after one")
	}
	err = sqlx.GetContext(ctx, q, &identity, query+` FROM pg_database d WHERE d.datname = current_database()`)
	return identity, err
}
