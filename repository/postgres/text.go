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

// Statement appends a statement that has a ? for each argument, and none elsewhere.
// Arguments are whole numbers, truth values, texts, bytes, and what tells its value as one of these or
// as NULL ([driver.Valuer]).
func (t *Text) Statement(query string, args ...any) error {
	parts := strings.Split(query, `?`)
	if len(parts) != len(args)+1 {
		return fmt.Errorf("a statement has %d places for %d arguments", len(parts)-1, len(args))
	}
	b := append(t.message.text, parts[0]...)
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return err
		}
		if b, err = appendValue(b, value); err != nil {
			return err
		}
		b = append(b, parts[i+1]...)
	}
	t.message.text = append(b, `; `...)
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
