package handlers_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"parley/docs"
	"parley/handlers"
)

// described is as much of the description as these tests ask for.
type described struct {
	// Paths have operations by their methods, and parameters for all of them.
	Paths      map[string]map[string]any
	Components struct {
		Examples map[string]struct{ Value map[string]any }
		Schemas  map[string]struct{ Enum []string }
	}
}

func readDescription(t *testing.T) (d described) {
	t.Helper()
	if err := yaml.Unmarshal(docs.OpenAPI, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// A route of the page's files is described by one path for all of them.
func TestEveryRouteIsDescribedAndNothingElse(t *testing.T) {
	routed := map[string]bool{}
	for _, route := range handlers.Routes() {
		route = regexp.MustCompile(`:(\w+)`).ReplaceAllString(route, "{$1}")
		routed[regexp.MustCompile(`/assets/.*`).ReplaceAllString(route, "/assets/{file}")] = true
	}
	described := map[string]bool{}
	for path, item := range readDescription(t).Paths {
		for name := range item {
			if name != "parameters" {
				described[strings.ToUpper(name)+" "+path] = true
			}
		}
	}
	for _, route := range slices.Sorted(maps.Keys(routed)) {
		if !described[route] {
			t.Errorf("docs/openapi.yaml does not describe the route %s", route)
		}
	}
	for _, route := range slices.Sorted(maps.Keys(described)) {
		if !routed[route] {
			t.Errorf("docs/openapi.yaml describes %s, for which there is no route", route)
		}
	}
}

// Package middleware has a golden file for each problem that it knows.
func TestEveryProblemIsDescribedAsItIs(t *testing.T) {
	d := readDescription(t)
	files, err := filepath.Glob("../middleware/testdata/problems/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files of problems: %v", err)
	}
	var codes []string
	for _, file := range files {
		code := strings.TrimSuffix(filepath.Base(file), ".json")
		codes = append(codes, code)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got := throughJSON(t, d.Components.Examples[code].Value)
		delete(want, "instance")
		delete(got, "instance")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the example %s of docs/openapi.yaml is\n%v and the service answers\n%v", code, got, want)
		}
	}
	if listed := slices.Sorted(slices.Values(d.Components.Schemas["ProblemCode"].Enum)); !slices.Equal(listed, codes) {
		t.Errorf("ProblemCode lists\n%q, and there are\n%q", listed, codes)
	}
	if len(d.Components.Examples) != len(codes) {
		t.Errorf("%d examples for %d codes", len(d.Components.Examples), len(codes))
	}
}

func throughJSON(t *testing.T, v map[string]any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
