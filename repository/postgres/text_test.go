package postgres

import (
	"database/sql"
	"testing"
)

func TestATextHasItsArgumentsAsLiterals(t *testing.T) {
	var text Text
	if err := text.Statement(`UPDATE t SET a = $1, b = $2 WHERE c = $3`, `it's $1 a \ "text"`, int64(-7), sql.NullString{}); err != nil {
		t.Fatal(err)
	}
	if err := text.Statement(`INSERT INTO t VALUES ($1, $2, $3, $4)`, []byte{0, 0xff, '\''}, "", true, sql.NullInt64{Int64: 3, Valid: true}); err != nil {
		t.Fatal(err)
	}
	want := `UPDATE t SET a = 'it''s $1 a \ "text"', b = -7 WHERE c = NULL; INSERT INTO t VALUES ('\x00ff27', '', true, 3); `
	if got := text.String(); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}

func TestATextRefusesWhatItCannotWrite(t *testing.T) {
	for what, statement := range map[string]struct {
		query string
		args  []any
	}{
		"an argument too few": {`SELECT $1, $2`, []any{1}},
		"one too many":        {`SELECT $1`, []any{1, 2}},
		"a fraction":          {`SELECT $1`, []any{1.5}},
		"a struct":            {`SELECT $1`, []any{struct{}{}}},
	} {
		var text Text
		if err := text.Statement(statement.query, statement.args...); err == nil {
			t.Errorf("%s: taken as %q", what, text.String())
		}
	}
}
