package postgres

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Text is several statements as one message. Statement appends another one.
type Text struct{ message message }

// String is what is to be sent, without arguments.
func (t *Text) String() string { return string(t.message.text) }

// Statement appends a statement that has $1, $2 and so on for its arguments, each once and in
// this order, and no $ elsewhere. Arguments are whole numbers, truth values, texts, bytes, and what tells its value as one of these or
// as NULL ([driver.Valuer]).
func (t *Text) Statement(query string, args ...any) error {
	b := t.message.text
	for i, arg := range args {
		before, after, found := strings.Cut(query, `$`+strconv.Itoa(i+1))
		if !found {
			return fmt.Errorf("a statement has %d places for %d arguments", i, len(args))
		}
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return err
		}
		if b, err = appendValue(append(b, before...), value); err != nil {
			return err
		}
		query = after
	}
	if strings.Contains(query, `$`) {
		return fmt.Errorf("a statement has more places than its %d arguments", len(args))
	}
	t.message.text = append(append(b, query...), `; `...)
	return nil
}

func appendValue(b []byte, value driver.Value) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(b, `NULL`...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case string:
		return appendLiteral(b, v), nil
	case []byte:
		return append(hex.AppendEncode(append(b, `'\x`...), v), '\''), nil
	}
	return b, fmt.Errorf("an argument is a %T", value)
}
