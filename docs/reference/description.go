package main

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// description is an OpenAPI document, in the order in which it is written.
type description struct{ root yaml.MapSlice }

func read(text []byte) (description, error) {
	var root yaml.MapSlice
	err := yaml.UnmarshalWithOptions(text, &root, yaml.UseOrderedMap())
	return description{root}, err
}

// object is v as an object; one without members where it is none.
func object(v any) yaml.MapSlice {
	o, _ := v.(yaml.MapSlice)
	return o
}

// list is v as a list.
func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// text is v as a text; empty where it is none.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// member is what an object has under a name; nil where it has nothing.
func member(v any, names ...string) any {
	for _, name := range names {
		var found any
		for _, item := range object(v) {
			if item.Key == name {
				found = item.Value
			}
		}
		v = found
	}
	return v
}

// refOf is where an object points to; empty where it does not.
func refOf(v any) string { return text(member(v, "$ref")) }

// resolved is what v points to, or v.
func (d description) resolved(v any) any {
	ref := refOf(v)
	if ref == "" {
		return v
	}
	return member(d.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

// nameOf is the last part of what a reference points to.
func nameOf(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// key is the name of a member.
func key(item yaml.MapItem) string { return fmt.Sprint(item.Key) }
