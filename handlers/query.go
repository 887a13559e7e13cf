package handlers

import (
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"parley/chat"
)

// query reads a request's query values and keeps what is wrong with them.
type query struct {
	values url.Values
	errs   []error
}

func queryOf(c *gin.Context) *query {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.errs = append(q.errs, chat.Invalid("query", "must be name=value pairs, percent-encoded"))
	}
	return q
}

// err is what was wrong with all that was read.
func (q *query) err() error { return chat.Checks(q.errs...) }

// text is the value given, or "".
func (q *query) text(name string) string {
	given := q.values[name]
	if len(given) > 1 {
		q.refuse(name, "is given twice")
	}
	return q.values.Get(name)
}

// word is the value given, which may not be empty, or "" if not given.
func (q *query) word(name string) string {
	value := q.text(name)
	if value == "" && q.values.Has(name) {
		q.refuse(name, "must not be empty")
	}
	return value
}

func (q *query) refuse(name, message string) { q.errs = append(q.errs, chat.Invalid(name, message)) }

// list is a page of a list. check says why a text is no id of its elements.
func (q *query) list(check func(string) error) chat.ListQuery {
	after := q.text("after")
	if q.values.Has("after") && check(after) != nil {
		q.refuse("after", "must be the id of the last one on a page")
	}
	return chat.ListQuery{After: after, Limit: int(q.count("limit", chat.DefaultList, chat.MaxList))}
}

// position is a position in the log; nil if not given.
func (q *query) position(name string) *int64 {
	if !q.values.Has(name) {
		return nil
	}
	n, ok := chat.ParsePosition(q.text(name))
	if !ok {
		q.refuse(name, "must be the id of a message")
	}
	return &n
}

// count is a number from 1 to most; def if not given.
func (q *query) count(name string, def, most int64) int64 {
	if !q.values.Has(name) {
		return def
	}
	n, err := strconv.ParseUint(q.text(name), 10, 63)
	if err != nil || n < 1 || int64(n) > most {
		q.refuse(name, "must be a number from 1 to "+strconv.FormatInt(most, 10))
	}
	return int64(n)
}

// duration is a time greater than none; 0 if not given.
func (q *query) duration(name string) time.Duration {
	if !q.values.Has(name) {
		return 0
	}
	d, err := time.ParseDuration(q.text(name))
	if err != nil || d <= 0 {
		q.refuse(name, "must be a time greater than none with its unit, such as 30s or 5m")
	}
	return d
}
