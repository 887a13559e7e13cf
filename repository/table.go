package repository

import (
	"strconv"
	"strings"

	"github.com/lib/pq"
)

// column is a column of a table that a statement gets as its argument.
type column struct {
	name    string
	integer bool
}

func textColumns(names ...string) []column {
	cols := make([]column, len(names))
	for i, name := range names {
		cols[i].name = name
	}
	return cols
}

func integerColumns(names ...string) []column {
	cols := textColumns(names...)
	for i := range cols {
		cols[i].integer = true
	}
	return cols
}

// table is many rows as the arguments of one statement. There are no NULLs in
// it: what is absent is an empty text or a 0.
type table interface {
	// add takes a string or an int64 for each column.
	add(values ...any)
	// args are the arguments that the dialect's source of these columns needs.
	args() []any
}

// arrays is a table for PostgreSQL: an array for each column.
type arrays struct{ columns []any }

func newArrays(cols []column, rows int) table {
	t := &arrays{make([]any, len(cols))}
	for i, c := range cols {
		if c.integer {
			a := make(pq.Int64Array, 0, rows)
			t.columns[i] = &a
		} else {
			a := make(pq.StringArray, 0, rows)
			t.columns[i] = &a
		}
	}
	return t
}

func (t *arrays) add(values ...any) {
	for i, v := range values {
		switch a := t.columns[i].(type) {
		case *pq.StringArray:
			*a = append(*a, v.(string))
		case *pq.Int64Array:
			*a = append(*a, v.(int64))
		}
	}
}

func (t *arrays) args() []any { return t.columns }

// arraySource is what a FROM says to read arrays as the table p, whose rows it
// numbers 1, 2, 3 … in n.
func arraySource(cols []column) string {
	var args, names []string
	for _, c := range cols {
		names = append(names, c.name)
		if c.integer {
			args = append(args, "?::bigint[]")
		} else {
			args = append(args, "?::text[]")
		}
	}
	return "unnest(" + strings.Join(args, ", ") + ") WITH ORDINALITY AS p(" + strings.Join(names, ", ") + ", n)"
}

// jsonRows is a table for SQLite: one JSON array of an array for each row.
type jsonRows struct{ buf []byte }

func newJSONRows(cols []column, rows int) table {
	return &jsonRows{buf: append(make([]byte, 0, 32*rows*len(cols)), '[')}
}

func (t *jsonRows) add(values ...any) {
	if len(t.buf) > 1 {
		t.buf = append(t.buf, ',')
	}
	for i, v := range values {
		if i == 0 {
			t.buf = append(t.buf, '[')
		} else {
			t.buf = append(t.buf, ',')
		}
		switch v := v.(type) {
		case string:
			t.buf = appendJSON(t.buf, v)
		case int64:
			t.buf = strconv.AppendInt(t.buf, v, 10)
		}
	}
	t.buf = append(t.buf, ']')
}

func (t *jsonRows) args() []any { return []any{string(t.buf) + "]"} }

// appendJSON appends s, which is valid UTF-8, as a JSON string (RFC 8259 section
// 7).
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		if c < ' ' {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
		from = i + 1
	}
	return append(append(b, s[from:]...), '"')
}

// jsonSource is what a FROM says to read JSON rows as the table p, whose rows it
// numbers 1, 2, 3 … in n.
func jsonSource(cols []column) string {
	var b strings.Builder
	b.WriteString("(SELECT key + 1 AS n")
	for i, c := range cols {
		b.WriteString(", value ->> " + strconv.Itoa(i) + " AS " + c.name)
	}
	b.WriteString(" FROM json_each(?)) AS p")
	return b.String()
}
