package main

import (
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// page is what the template shows.
type page struct {
	Title, Summary string
	Intro          template.HTML
	Sections       []section
	Credentials    []field
	Problems       []problem
	Schemas        []schema
}

// section holds the operations of a tag.
type section struct {
	ID, Name   string
	Text       template.HTML
	Operations []operation
}

type operation struct {
	ID, Method, Path, Summary string
	Text                      template.HTML
	Credentials               []string
	Parameters                []field
	Bodies                    []content
	Answers                   []answer
	Refusals                  []refusal
}

// field is a parameter, a header, or a member of an object.
type field struct {
	Name, Place string
	Required    bool
	Type, Text  template.HTML
}

// content is a body of some media type.
type content struct {
	MediaType string
	Type      template.HTML
	Example   string
}

type answer struct {
	Status   string
	Text     template.HTML
	Headers  []field
	Contents []content
}

// refusal names the problems that a status can stand for.
type refusal struct {
	Status string
	Codes  []string
}

type problem struct {
	Code, Title, Detail string
	Status              any
}

type schema struct {
	ID, Name   string
	Type, Text template.HTML
	Fields     []field
	Example    string
}

func (d description) page() page {
	p := page{
		Title:   text(member(d.root, "info", "title")),
		Summary: text(member(d.root, "info", "summary")),
		Intro:   d.prose(member(d.root, "info", "description")),
	}
	for _, tag := range list(member(d.root, "tags")) {
		name := text(member(tag, "name"))
		p.Sections = append(p.Sections, section{
			ID: "tag-" + strings.ReplaceAll(name, " ", "-"), Name: name,
			Text: d.prose(member(tag, "description")), Operations: d.operations(name),
		})
	}
	for _, item := range object(member(d.root, "components", "securitySchemes")) {
		p.Credentials = append(p.Credentials, field{
			Name: key(item), Place: credentialPlace(item.Value), Text: d.prose(member(item.Value, "description")),
		})
	}
	for _, item := range object(member(d.root, "components", "examples")) {
		value := member(item.Value, "value")
		p.Problems = append(p.Problems, problem{
			Code: key(item), Title: text(member(value, "title")), Detail: text(member(value, "detail")), Status: member(value, "status"),
		})
	}
	for _, item := range object(member(d.root, "components", "schemas")) {
		p.Schemas = append(p.Schemas, d.schema(item))
	}
	return p
}

// credentialPlace says where a credential stands in a request.
func credentialPlace(scheme any) string {
	if text(member(scheme, "type")) == "http" {
		return "header Authorization: Bearer"
	}
	return text(member(scheme, "in")) + " " + text(member(scheme, "name"))
}

// operations are those of a tag.
func (d description) operations(tag string) []operation {
	var found []operation
	for _, path := range object(member(d.root, "paths")) {
		shared := list(member(path.Value, "parameters"))
		for _, item := range object(path.Value) {
			if tags := list(member(item.Value, "tags")); len(tags) == 0 || tags[0] != tag {
				continue
			}
			found = append(found, d.operation(key(path), key(item), shared, item.Value))
		}
	}
	return found
}

func (d description) operation(path, method string, shared []any, o any) operation {
	op := operation{
		ID: text(member(o, "operationId")), Method: strings.ToUpper(method), Path: path,
		Summary: text(member(o, "summary")), Text: d.prose(member(o, "description")),
		Credentials: d.credentials(o), Bodies: d.contents(member(o, "requestBody", "content")),
	}
	for _, list := range [][]any{shared, list(member(o, "parameters"))} {
		for _, parameter := range list {
			parameter = d.resolved(parameter)
			op.Parameters = append(op.Parameters, d.field(text(member(parameter, "name")), parameter, text(member(parameter, "in")), member(parameter, "required") == true))
		}
	}
	for _, item := range object(member(o, "responses")) {
		if member(d.resolved(item.Value), "content", "application/problem+json") != nil {
			op.Refusals = append(op.Refusals, d.refusal(item))
		} else {
			op.Answers = append(op.Answers, d.answer(item))
		}
	}
	return op
}

// credentials are the names of those that an operation takes; none where it needs none.
func (d description) credentials(o any) []string {
	asked := member(o, "security")
	if asked == nil {
		asked = member(d.root, "security")
	}
	var names []string
	for _, one := range list(asked) {
		if len(object(one)) == 0 {
			names = append(names, "none")
		}
		for _, item := range object(one) {
			names = append(names, key(item))
		}
	}
	return names
}

func (d description) answer(item yaml.MapItem) answer {
	whole := d.resolved(item.Value)
	a := answer{Status: key(item), Text: d.prose(member(whole, "description")), Contents: d.contents(member(whole, "content"))}
	for _, header := range object(member(whole, "headers")) {
		h := d.resolved(header.Value)
		a.Headers = append(a.Headers, d.field(key(header), h, "", member(h, "required") == true))
	}
	return a
}

// refusal reads the codes of an answer: those that the operation names, and those of every
// operation with this status.
func (d description) refusal(item yaml.MapItem) refusal {
	r := refusal{Status: key(item)}
	for _, said := range []any{item.Value, d.resolved(item.Value)} {
		for _, span := range codeSpan.FindAllStringSubmatch(text(member(said, "description")), -1) {
			if member(d.root, "components", "examples", span[1]) != nil && !slices.Contains(r.Codes, span[1]) {
				r.Codes = append(r.Codes, span[1])
			}
		}
	}
	return r
}

func (d description) contents(v any) []content {
	var found []content
	for _, item := range object(v) {
		found = append(found, content{
			MediaType: key(item), Type: d.typeOf(member(item.Value, "schema")), Example: example(member(item.Value, "example")),
		})
	}
	return found
}

// field describes what has a schema of its own, or is a schema itself.
func (d description) field(name string, v any, place string, required bool) field {
	f := field{Name: name, Place: place, Required: required, Text: d.prose(member(v, "description"))}
	if s := member(v, "schema"); s != nil {
		v = s
	}
	f.Type = d.typeOf(v)
	return f
}

func (d description) schema(item yaml.MapItem) schema {
	return schema{
		ID: "schema-" + key(item), Name: key(item), Type: d.typeOf(item.Value), Text: d.prose(member(item.Value, "description")),
		Fields: d.fields("", item.Value), Example: example(member(item.Value, "example")),
	}
}

// fields are the members of an object, and of the objects that stand in it without a name.
func (d description) fields(prefix string, s any) []field {
	var found []field
	for _, item := range object(member(s, "properties")) {
		name, required := prefix+key(item), slices.Contains(list(member(s, "required")), any(key(item)))
		found = append(found, d.field(name, item.Value, "", required))
		found = append(found, d.fields(name+".", item.Value)...)
	}
	for _, part := range list(member(s, "allOf")) {
		found = append(found, d.fields(prefix, part)...)
	}
	return found
}
