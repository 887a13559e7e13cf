package postgres

import (
	"context"
	"database/sql/driver"
)

// identity tells one life of a database from another. The numbers of the database and of a
// table change when a dump is restored. The system's identifier changes with the cluster,
// and the timeline when a standby is promoted or an archive is recovered up to a moment. A
// role that may not ask for the latter two does without them; whole says that it may.
func identity(ctx context.Context, conn driver.QueryerContext) (id string, whole bool, err error) {
	whole, err = one[bool](ctx, conn, `SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
		AND has_function_privilege('pg_catalog.pg_current_wal_lsn()', 'EXECUTE')
		AND has_function_privilege('pg_catalog.pg_walfile_name(pg_lsn)', 'EXECUTE')`)
	if err != nil {
		return "", false, err
	}
	query := `SELECT 'database ' || d.oid || ' head ' || CAST(CAST('head' AS regclass) AS oid)`
	if whole {
		// The control file learns of a new timeline only with the next checkpoint.
		query += ` || ' system ' || (SELECT system_identifier FROM pg_control_system())
			|| ' timeline ' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`
	}
	id, err = one[string](ctx, conn, query+` FROM pg_database d WHERE d.datname = current_database()`)
	return id, whole, err
}
