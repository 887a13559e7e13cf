// Command reference makes the page of the HTTP interface, reference.html, out of its
// description, openapi.yaml. It is run in the folder of both, by go generate.
package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
)

func main() {
	if err := write("openapi.yaml", "reference.html"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(from, to string) error {
	description, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	page, err := render(description)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return os.WriteFile(to, page, 0o644)
}

//go:embed page.html
var layout string

var pageTemplate = template.Must(template.New("page").Parse(layout))

// render makes the page of a description.
func render(description []byte) ([]byte, error) {
	d, err := read(description)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, d.page()); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}
