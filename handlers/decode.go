package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"parley/chat"
	"parley/middleware"
)

// The media types that bodies and answers have.
const (
	typeJSON        = "application/json"
	typeForm        = "application/x-www-form-urlencoded"
	typeText        = "text/plain"
	typeEventStream = "text/event-stream"
	typeNDJSON      = "application/x-ndjson"
)

// decode reads the body into v, a pointer to a struct of strings, booleans, int64s,
// pointers to them and lists of strings, named by their json tags. The body is a JSON
// object or, but for the lists, a form; no body is an empty object.
// What v does not know, what comes twice, what has another type and what is not
// UTF-8 is refused, and the field named.
func decode(c *gin.Context, v any) error {
	data, kind, err := readBody(c, typeJSON, typeForm)
	switch {
	case err != nil:
		return err
	case kind == typeForm:
		return decodeForm(string(data), v)
	case kind == typeJSON:
		return decodeJSON(data, v)
	default:
		return nil
	}
}

// readBody reads the whole body and says which of the media types it is. It is
// "" where there is no body: an empty one is none, whatever type it is said to
// have, because clients set the header once for all their requests.
func readBody(c *gin.Context, types ...string) (data []byte, kind string, err error) {
	kind, refused := bodyType(c.Request.Header, types)
	if refused != nil && c.Request.ContentLength > 0 { // known before it is sent
		return nil, "", refused
	}
	data, err = io.ReadAll(c.Request.Body)
	if err != nil || len(data) == 0 { // middleware.LimitBody has named the error
		return nil, "", err
	}
	return data, kind, refused
}

// bodyType finds the body's media type among types.
func bodyType(header http.Header, types []string) (string, error) {
	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return "", unsupportedType(types)
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return "", unsupportedType(types)
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		return "", unsupportedType(types)
	}
	for _, t := range types {
		if kind == t {
			return t, nil
		}
	}
	return "", unsupportedType(types)
}

func unsupportedType(types []string) error {
	return &chat.Error{
		Code:   middleware.ErrUnsupportedMediaType.Code,
		Detail: "Send the body in UTF-8, not compressed, with the header Content-Type: " + strings.Join(types, " or "),
	}
}

func decodeJSON(data []byte, v any) error {
	// A null would be taken for a struct without its members.
	if k := jsontext.Value(data).Kind(); k != jsontext.KindBeginObject && k != jsontext.KindInvalid {
		return chat.Invalid("body", "must be a JSON object")
	}
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var meaning *json.SemanticError
	if errors.As(err, &meaning) {
		if errors.Is(err, json.ErrUnknownName) {
			return unknownField(fieldOf(meaning.JSONPointer))
		}
		return chat.Invalid(fieldOf(meaning.JSONPointer), wantedType(meaning.GoType))
	}
	var syntax *jsontext.SyntacticError
	switch {
	case !errors.As(err, &syntax):
		return chat.Invalid("body", "must be JSON")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return repeatedField(fieldOf(syntax.JSONPointer))
	case !utf8.Valid(data):
		return chat.Invalid(fieldOf(syntax.JSONPointer), "must be valid UTF-8")
	default:
		// The library's own words would repeat a part of the text.
		return chat.Invalid(fieldOf(syntax.JSONPointer), fmt.Sprintf("must be JSON, and is not at byte %d", syntax.ByteOffset))
	}
}

// fieldOf names a place in a body as a person would. A client can send a field
// whose name is empty; that is a mistake of the body's.
func fieldOf(p jsontext.Pointer) string {
	var names []string
	for name := range p.Tokens() {
		names = append(names, name)
	}
	return answered(strings.Join(names, "."))
}

// maxFieldName bounds what is answered of a name that a client made up, in bytes.
const maxFieldName = 100

// answered is a name as far as it is answered, or that it is the body that is meant.
func answered(name string) string {
	if len(name) > maxFieldName {
		name = strings.ToValidUTF8(name[:maxFieldName], "") + "…"
	}
	return cmp.Or(name, "body")
}

func unknownField(name string) error {
	if name == "author" {
		return chat.Invalid(name, "is not taken: the author is whoever the token belongs to")
	}
	return chat.Invalid(answered(name), "is not known here")
}

func repeatedField(name string) error { return chat.Invalid(answered(name), "is given twice") }

// wantedType says what a value of type t is in JSON and in a form.
func wantedType(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "has the wrong type"
	case t.Kind() == reflect.String:
		return "must be a string"
	case t.Kind() == reflect.Bool:
		return "must be true or false"
	case t.Kind() == reflect.Int64:
		return "must be a whole number"
	case t.Kind() == reflect.Slice:
		return "must be a list in a JSON body"
	default:
		return "has the wrong type"
	}
}

// decodeForm holds a form to the rules of a JSON body.
func decodeForm(data string, v any) error {
	values, err := url.ParseQuery(data)
	if err != nil {
		return chat.Invalid("body", "must be a form as application/x-www-form-urlencoded says")
	}
	fields := make(map[string]reflect.Value)
	formFields(reflect.ValueOf(v).Elem(), fields)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		field, known := fields[name]
		switch {
		case !utf8.ValidString(name):
			return chat.Invalid("body", "must be valid UTF-8")
		case !known:
			return unknownField(name)
		case len(given) > 1:
			return repeatedField(name)
		case !utf8.ValidString(given[0]):
			return chat.Invalid(name, "must be valid UTF-8")
		case !setField(field, given[0]):
			return chat.Invalid(name, wantedType(field.Type()))
		}
	}
	return nil
}

// formFields collects a struct's fields, those of embedded structs among them, by
// their names in JSON.
func formFields(v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			formFields(v.Field(i), into)
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		into[name] = v.Field(i)
	}
}

// setField sets a field to what a form says, and says whether it has its type.
func setField(field reflect.Value, s string) bool {
	switch field.Kind() {
	case reflect.Pointer:
		p := reflect.New(field.Type().Elem())
		if !setField(p.Elem(), s) {
			return false
		}
		field.Set(p)
	case reflect.String:
		field.SetString(s)
	case reflect.Bool:
		if s != "true" && s != "false" {
			return false
		}
		field.SetBool(s == "true")
	case reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		// JSON knows no plus and no leading zeros.
		if err != nil || strconv.FormatInt(n, 10) != s {
			return false
		}
		field.SetInt(n)
	default:
		return false
	}
	return true
}

// optional is the value of a field that may be left out. To whom it goes the zero
// value says that it was, so a client that sends that value itself is refused, and
// told what it must be.
func optional[T comparable](field string, given *T, must string) (T, error) {
	var leftOut T
	if given == nil {
		return leftOut, nil
	}
	if *given == leftOut {
		return leftOut, chat.Invalid(field, must)
	}
	return *given, nil
}
