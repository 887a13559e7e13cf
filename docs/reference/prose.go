package main

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

var (
	codeSpan = regexp.MustCompile("`([^`]+)`")
	link     = regexp.MustCompile(`\[([^\]]+)\]\((#[\w-]+)\)`)
)

// prose is the HTML of a text in as much of Markdown as the description uses: paragraphs, code
// and links within the page. A problem's code, and a schema's name, links to where it is told of.
func (d description) prose(v any) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text(v)), "\n\n") {
		if paragraph == "" {
			continue
		}
		said := html.EscapeString(paragraph)
		said = link.ReplaceAllString(said, `<a href="$2">$1</a>`)
		said = codeSpan.ReplaceAllStringFunc(said, func(span string) string {
			return d.linked(strings.Trim(span, "`"))
		})
		b.WriteString("<p>" + said + "</p>\n")
	}
	return template.HTML(b.String())
}

// linked is the HTML of a word of the interface.
func (d description) linked(word string) string {
	code := "<code>" + word + "</code>"
	switch {
	case member(d.root, "components", "examples", word) != nil:
		return `<a href="#problem-` + word + `">` + code + `</a>`
	case member(d.root, "components", "schemas", word) != nil:
		return `<a href="#schema-` + word + `">` + code + `</a>`
	}
	return code
}

// typeOf is the HTML that tells what a schema takes.
func (d description) typeOf(s any) template.HTML {
	if ref := refOf(s); ref != "" {
		return template.HTML(d.linked(nameOf(ref)))
	}
	for keyword, between := range map[string]string{"oneOf": " or ", "allOf": " and "} {
		if parts := list(member(s, keyword)); len(parts) > 0 {
			var said []string
			for _, part := range parts {
				said = append(said, string(d.typeOf(part)))
			}
			return template.HTML(strings.Join(said, between))
		}
	}
	if words := list(member(s, "enum")); len(words) > 0 {
		var said []string
		for _, word := range words {
			said = append(said, d.linked(html.EscapeString(fmt.Sprint(word))))
		}
		return template.HTML(strings.Join(said, ", ") + defaultOf(s))
	}
	said := html.EscapeString(kindOf(s))
	if items := member(s, "items"); items != nil {
		said += " of " + string(d.typeOf(items))
	}
	return template.HTML(said + html.EscapeString(boundsOf(s)) + formOf(s) + defaultOf(s))
}

// kindOf is the type that a schema names.
func kindOf(s any) string {
	kinds := list(member(s, "type"))
	if one := text(member(s, "type")); one != "" {
		kinds = []any{one}
	}
	var said []string
	for _, kind := range kinds {
		said = append(said, fmt.Sprint(kind))
	}
	return strings.ReplaceAll(strings.Join(said, " or "), "array", "list")
}

// boundsOf says how large a value may be.
func boundsOf(s any) string {
	for _, bound := range []struct{ least, most, unit string }{
		{"minimum", "maximum", ""}, {"minLength", "maxLength", " characters"}, {"minItems", "maxItems", " entries"},
	} {
		least, most := member(s, bound.least), member(s, bound.most)
		switch {
		case least != nil && most != nil:
			return fmt.Sprintf(", %v to %v%s", least, most, bound.unit)
		case least != nil:
			return fmt.Sprintf(", at least %v%s", least, bound.unit)
		case most != nil:
			return fmt.Sprintf(", at most %v%s", most, bound.unit)
		}
	}
	return ""
}

func formOf(s any) string {
	if pattern := text(member(s, "pattern")); pattern != "" {
		return " <code>" + html.EscapeString(pattern) + "</code>"
	}
	return ""
}

func defaultOf(s any) string {
	if usual := member(s, "default"); usual != nil {
		return ", default <code>" + html.EscapeString(fmt.Sprint(usual)) + "</code>"
	}
	return ""
}

// example is an example as the wire has it: a text as it is, all else as JSON.
func example(v any) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	writeJSON(&b, v, "")
	return b.String()
}

// writeJSON writes members in the order in which the description has them. What is short
// stands on one line.
func writeJSON(b *strings.Builder, v any, indent string) {
	if line := oneLine(v); len(line) < 90 {
		b.WriteString(line)
		return
	}
	inner := indent + "  "
	write := func(open, shut string, n int, entry func(i int)) {
		b.WriteString(open)
		for i := range n {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n" + inner)
			entry(i)
		}
		b.WriteString("\n" + indent + shut)
	}
	switch v := v.(type) {
	case yaml.MapSlice:
		write("{", "}", len(v), func(i int) {
			b.WriteString(oneLine(key(v[i])) + ": ")
			writeJSON(b, v[i].Value, inner)
		})
	case []any:
		write("[", "]", len(v), func(i int) { writeJSON(b, v[i], inner) })
	default:
		b.WriteString(oneLine(v))
	}
}

// oneLine is the JSON of a value on one line.
func oneLine(v any) string {
	var parts []string
	switch v := v.(type) {
	case yaml.MapSlice:
		for _, item := range v {
			parts = append(parts, oneLine(key(item))+": "+oneLine(item.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, entry := range v {
			parts = append(parts, oneLine(entry))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
