package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func made(t *testing.T) (page string, d description) {
	t.Helper()
	text, err := os.ReadFile("../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	html, err := render(text)
	if err != nil {
		t.Fatal(err)
	}
	d, err = read(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(html), d
}

func TestThePageIsMadeOfTheDescription(t *testing.T) {
	page, _ := made(t)
	kept, err := os.ReadFile("../reference.html")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != page {
		t.Error("reference.html is not what openapi.yaml makes: run  go generate ./docs")
	}
}

func TestThePageShowsAllThatIsDescribed(t *testing.T) {
	page, d := made(t)
	shows := func(id string) {
		if !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("the page does not show %s", id)
		}
	}
	operations := 0
	for _, path := range object(member(d.root, "paths")) {
		for _, item := range object(path.Value) {
			if id := text(member(item.Value, "operationId")); id != "" {
				shows(id)
				operations++
			}
		}
	}
	if operations < 40 {
		t.Errorf("only %d operations are found", operations)
	}
	for kind, prefix := range map[string]string{"schemas": "schema-", "examples": "problem-", "securitySchemes": "credential-"} {
		for _, item := range object(member(d.root, "components", kind)) {
			shows(prefix + key(item))
		}
	}
}

func TestEveryLinkWithinThePageLeadsSomewhere(t *testing.T) {
	page, _ := made(t)
	ids := map[string]bool{}
	for _, found := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[found[1]] {
			t.Errorf("the id %q stands twice", found[1])
		}
		ids[found[1]] = true
	}
	for _, found := range regexp.MustCompile(`\s(?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[found[1]] {
			t.Errorf("the page points to #%s, which is not there", found[1])
		}
	}
}

func TestTheWordsOfADescriptionAreNoMarkup(t *testing.T) {
	d := description{yaml.MapSlice{}}
	if got := string(d.prose("a <b>\n\n`<c>` & [d](#e)")); got != "<p>a &lt;b&gt;</p>\n<p><code>&lt;c&gt;</code> &amp; <a href=\"#e\">d</a></p>\n" {
		t.Errorf("%q", got)
	}
}
