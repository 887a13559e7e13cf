//go:build !race

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/helpers"

	"parley/e2e/described"
)

// exchange is one that is judged. The request has no body.
type exchange struct {
	*described.Exchange
	request *http.Request
}

// judgeExchange tells what of it is not as described, each in one line.
func (d *description) judgeExchange(seen *described.Exchange) []string {
	r, err := http.NewRequest(seen.Method, seen.URL, http.NoBody)
	if err != nil {
		return []string{err.Error()}
	}
	r.Header = seen.Requested
	x := exchange{seen, r}
	path := d.pathOf(r)
	switch {
	case x.Status == http.StatusMethodNotAllowed:
		return x.problemOfAnyPath("method_not_allowed")
	case path == "" && x.Status >= 400:
		return nil
	case path == "":
		return []string{"the path is not described"}
	}
	found := x.answerDeviations(d)
	if x.Status < 400 && !x.toldInBand() {
		found = append(found, x.requestDeviations(d)...)
	}
	return append(found, x.codeDeviations(d, path)...)
}

// toldInBand says that a refusal may stand on the stream, behind the status of success.
func (x exchange) toldInBand() bool { return x.request.URL.Query().Get("errors") == "inband" }

// requestDeviations judges a request that the service took.
func (x exchange) requestDeviations(d *description) []string {
	r := x.request.Clone(x.request.Context())
	r.Body = io.NopCloser(bytes.NewReader(x.Sent))
	if len(x.Sent) == 0 {
		r.Header.Del("Content-Type") // no body has a type
	}
	if d.takesFormAsText(r) {
		r.Header.Set("Content-Type", "text/plain")
	}
	_, errs := d.requests.ValidateHttpRequestSync(r)
	// The library looks for what has to be percent-encoded behind the decoding.
	errs = slices.DeleteFunc(errs, func(err *errors.ValidationError) bool { return err.ValidationSubType == helpers.ReservedValues })
	return lines("it took a request that is not described: ", errs)
}

func (x exchange) answerDeviations(d *description) []string {
	body := io.ReadCloser(http.NoBody)
	header := x.Answered.Clone()
	switch {
	case x.Answer != nil:
		body = io.NopCloser(bytes.NewReader(x.Answer))
	case strings.HasPrefix(header.Get("Content-Type"), typeNDJSON):
		// Only the head of a stream is judged, and its first line is not the whole body.
		header.Set("Content-Type", "text/event-stream")
	}
	_, errs := d.answers.ValidateHttpResponse(x.request, &http.Response{StatusCode: x.Status, Header: header, Body: body, Request: x.request})
	return answerLines(errs)
}

// answerLines leaves out the entries of dictionaries, which the library's strict mode takes
// for members that are not described. What stands in them it looks at all the same.
func answerLines(errs []*errors.ValidationError) []string {
	return lines("", slices.DeleteFunc(errs, func(err *errors.ValidationError) bool { return dictionaryEntry.MatchString(err.Message) }))
}

// dictionaryEntry is what is said of an emoji among a message's reactions.
var dictionaryEntry = regexp.MustCompile(`\.reactions\.[^.\[\]]+' is not declared`)

const typeNDJSON = "application/x-ndjson"

// codeDeviations holds a problem to the codes that are named where its status is described.
func (x exchange) codeDeviations(d *description, path string) []string {
	if x.Answer == nil || x.Status < 400 {
		return nil
	}
	code := codeOf(x.Answer)
	named := d.codes[operation{strings.ToLower(x.Method), path}][x.Status]
	if slices.Contains(named, code) {
		return nil
	}
	return []string{fmt.Sprintf("the code %q is not among those described here, %q", code, named)}
}

func (x exchange) problemOfAnyPath(code string) []string {
	if got := codeOf(x.Answer); got != code || x.Answered.Get("Allow") == "" {
		return []string{fmt.Sprintf("it should be %s with the header Allow, and is %q", code, got)}
	}
	return nil
}

func codeOf(document []byte) string {
	var problem struct{ Code string }
	_ = json.Unmarshal(document, &problem) // what is no JSON has no code
	return problem.Code
}

// lines are errors of the library, each in one line.
func lines(before string, errs []*errors.ValidationError) []string {
	var found []string
	for _, err := range errs {
		what := err.Message
		if err.Reason != "" {
			what += ": " + err.Reason
		}
		for _, failure := range err.SchemaValidationErrors {
			what += fmt.Sprintf("; %s: %s", failure.FieldPath, failure.Reason)
		}
		found = append(found, before+strings.Join(strings.Fields(what), " "))
	}
	return found
}
