package site

import (
	"context"
	"database/sql"

	_ "github.com/lib/pq"
	_ "modernc.org/sqlite"

	"parley/e2e/chaos/history"
)

// ReadLog reads all events as the database holds them, past parley. driver is "postgres" or
// "sqlite".
func ReadLog(ctx context.Context, driver, address string) ([]history.Row, error) {
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := db.QueryContext(ctx, `SELECT e.pos, e.kind, COALESCE(e.chat, ''), COALESCE(e.seq, 0), COALESCE(e.username, ''),
			COALESCE(e.role, ''), COALESCE(e.session, ''), COALESCE(j.before, 0),
			m.id, COALESCE(m.seq, 0), COALESCE(m.chat, ''), COALESCE(m.author, ''), COALESCE(m.text, ''), COALESCE(m.client_id, ''), COALESCE(m.deleted, false)
		FROM events e LEFT JOIN messages m ON m.id = e.message LEFT JOIN jumps j ON j.pos = e.pos
		ORDER BY e.pos`)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []history.Row
	for found.Next() {
		var row history.Row
		var id sql.NullInt64
		var m history.Message
		if err := found.Scan(&row.Pos, &row.Kind, &row.Chat, &row.Seq, &row.Username, &row.Role, &row.Session, &row.Before,
			&id, &m.Seq, &m.Chat, &m.Author, &m.Text, &m.ClientID, &m.Deleted); err != nil {
			return nil, err
		}
		m.ID = id.Int64
		switch {
		case id.Valid && row.Kind == "message":
			row.Message = &m
		case id.Valid:
			row.Of = &m
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}
