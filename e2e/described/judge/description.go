//go:build !race

package main

import (
	stderrors "errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"

	"parley/e2e/described"
)

// operation is a method, in lower case, and a path as the description has it.
type operation struct{ method, path string }

// description is docs/openapi.yaml with its schemas compiled.
type description struct {
	// requests takes what a client may send besides what is described, such as a browser's
	// headers. answers does not: a member or header that is not described is a deviation.
	requests, answers validator.Validator
	paths             []pathForm
	// codes are those of the problems of an operation, by their status.
	codes map[operation]map[int][]string
}

// pathForm recognises the paths that a template of the description stands for.
type pathForm struct {
	template string
	form     *regexp.Regexp
}

func readDescription(text []byte) (*description, error) {
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	d := &description{
		requests: validator.NewValidatorFromV3Model(&model.Model, config.WithoutSecurityValidation(), config.WithFormatAssertions(),
			config.WithURLEncodedBodyValidation(), config.WithRejectUndeclaredRequestBody()),
		answers: validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions(), config.WithStrictMode(),
			config.WithStrictIgnoredHeadersExtra(headersOfAllAnswers...)),
	}
	v, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		return nil, stderrors.Join(errs...)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		return nil, stderrors.New(strings.Join(lines("", errs), "\n"))
	}
	return d, d.readCodes(text)
}

// headersOfAllAnswers may stand in every answer, and are described for none.
var headersOfAllAnswers = []string{
	"X-Content-Type-Options", "X-Accel-Buffering", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Opener-Policy",
	"Cross-Origin-Resource-Policy", "Accept-Ranges", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
	"Access-Control-Expose-Headers", "Server", "Via", "Alt-Svc", "X-Proxy",
}

// readCodes reads which problems each operation names. They stand between backticks in the
// description of its answers, and in that of the answer that they all share.
func (d *description) readCodes(text []byte) error {
	type answer struct {
		Ref         string `yaml:"$ref"`
		Description string
	}
	var doc struct {
		Paths      map[string]map[string]any
		Components struct{ Responses map[string]answer }
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return err
	}
	d.codes = map[operation]map[int][]string{}
	for path, item := range doc.Paths {
		d.paths = append(d.paths, newPathForm(path))
		for method, o := range item {
			answers, _ := o.(map[string]any)
			responses, _ := answers["responses"].(map[string]any)
			named := map[int][]string{}
			for status, a := range responses {
				a, _ := a.(map[string]any)
				said := fmt.Sprint(a["description"])
				if ref, ok := a["$ref"].(string); ok {
					said += doc.Components.Responses[strings.TrimPrefix(ref, "#/components/responses/")].Description
				}
				n, err := strconv.Atoi(status)
				if err != nil {
					return fmt.Errorf("%s %s: the status %q", method, path, status)
				}
				for _, code := range codeSpan.FindAllStringSubmatch(said, -1) {
					named[n] = append(named[n], code[1])
				}
			}
			d.codes[operation{method, path}] = named
		}
	}
	return nil
}

var codeSpan = regexp.MustCompile("`([a-z_]+)`")

func newPathForm(template string) pathForm {
	form := regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), `[^/]+`)
	return pathForm{template, regexp.MustCompile("^" + form + "$")}
}

// pathOf is the path of the description that a request is for, the one without parameters
// first; empty where there is none.
func (d *description) pathOf(r *http.Request) string {
	found := ""
	for _, p := range d.paths {
		if p.form.MatchString(r.URL.EscapedPath()) && (found == "" || p.template == r.URL.Path) {
			found = p.template
		}
	}
	return found
}

// takesFormAsText says that what calls itself a form is a text: POST to a chat's messages,
// where curl's -d calls every body a form.
func (d *description) takesFormAsText(r *http.Request) bool {
	return described.MediaType(r.Header) == "application/x-www-form-urlencoded" && d.pathOf(r) == "/chats/{chat}/messages"
}
