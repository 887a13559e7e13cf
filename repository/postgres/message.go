package postgres

import (
	"strconv"
	"strings"

	"parley/repository/posts"
)

// message is a text of several statements, which goes to the server at once. lib/pq does
// not pipeline, and such a text takes no arguments; so they are written into it as
// literals, for statements that are prepared on the server.
type message struct {
	text []byte // used again and again
}

func (m *message) reset() { m.text = m.text[:0] }

func (m *message) statement(text string) { m.text = append(append(m.text, text...), `; `...) }

func (m *message) texts(entries []*posts.Entry, of func(*posts.Entry) string) {
	textsOf(m, entries, of)
}

func (m *message) integers(entries []*posts.Entry, of func(*posts.Entry) int64) {
	integersOf(m, entries, of)
}

// textsOf writes an array of texts, of which an empty one is none.
func textsOf[E any](m *message, elements []E, of func(E) string) {
	array(m, elements, func(b []byte, e E) []byte {
		if v := of(e); v != "" {
			return appendElement(b, v)
		}
		return append(b, `NULL`...)
	})
}

// integersOf writes an array of integers, of which 0 is none.
func integersOf[E any](m *message, elements []E, of func(E) int64) {
	array(m, elements, func(b []byte, e E) []byte { return appendInteger(b, of(e)) })
}

// appendInteger appends an element of an array of integers, of which 0 is none.
func appendInteger(b []byte, v int64) []byte {
	if v == 0 {
		return append(b, `NULL`...)
	}
	return strconv.AppendInt(b, v, 10)
}

func (m *message) integer(v int64) {
	m.text = append(strconv.AppendInt(m.text, v, 10), ',')
}

// reference writes a message's id, or that there is none.
func (m *message) reference(id int64) {
	if id == 0 {
		m.text = append(m.text, `NULL,`...)
		return
	}
	m.integer(id)
}

// literal writes a text, or that there is none.
func (m *message) literal(v string) {
	if v == "" {
		m.text = append(m.text, `NULL,`...)
		return
	}
	m.text = append(appendLiteral(m.text, v), ',')
}

// appendLiteral appends a text's literal. Within it an apostrophe is doubled and, since
// standard_conforming_strings is on, nothing else means anything (PostgreSQL manual
// 4.1.2.1).
func appendLiteral(b []byte, v string) []byte {
	b = append(b, '\'')
	for part := range strings.SplitAfterSeq(v, `'`) {
		b = append(b, part...)
		if strings.HasSuffix(part, `'`) {
			b = append(b, '\'')
		}
	}
	return append(b, '\'')
}

// open begins the call of a prepared statement, whose arguments each have a comma
// behind them.
func (m *message) open(statement string) {
	m.text = append(append(append(m.text, `EXECUTE `...), statement...), '(')
}

// end ends it.
func (m *message) end() {
	m.text = append(m.text[:len(m.text)-1], `); `...)
}

// array writes an array's literal and a comma.
func array[E any](m *message, elements []E, element func([]byte, E) []byte) {
	b := append(m.text, '\'', '{')
	for i, e := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, e)
	}
	m.text = append(b, '}', '\'', ',')
}

// appendElement appends v as an element of an array inside a literal: within the
// array a quote and a backslash have a backslash before them (PostgreSQL manual
// 8.15.6), within the literal an apostrophe is doubled and, since
// standard_conforming_strings is on, nothing else means anything (4.1.2.1). The
// server refuses invalid UTF-8 before it looks for either.
func appendElement(b []byte, v string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(v) {
		var before byte
		switch v[i] {
		case '"', '\\':
			before = '\\'
		case '\'':
			before = '\''
		default:
			continue
		}
		b = append(append(b, v[from:i]...), before)
		from = i
	}
	return append(append(b, v[from:]...), '"')
}
