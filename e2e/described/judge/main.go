//go:build !race

// Command judge holds what the tests see of the service to docs/openapi.yaml. It reads a
// [described.Question] after the other from its standard input, and writes the answer to each, a
// list of what is not as described, to its standard output.
//
// It is not built with the race detector: no memory of parley's is its, and the library that it
// judges by would take fifty times as long.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"parley/docs"
	"parley/e2e/described"
)

func main() {
	answers := os.Stdout
	os.Stdout = os.Stderr // the library logs there
	if err := serve(os.Stdin, answers); err != nil {
		fmt.Fprintln(os.Stderr, "docs/openapi.yaml:", err)
		os.Exit(1)
	}
}

func serve(questions io.Reader, answers io.Writer) error {
	d, err := readDescription(docs.OpenAPI)
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(questions), json.NewEncoder(answers)
	for {
		var q described.Question
		if err := in.Decode(&q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var found []string
		if q.Exchange != nil {
			found = d.judgeExchange(q.Exchange)
		} else {
			found = d.judgeEvent(q.Event)
		}
		if err := out.Encode(found); err != nil {
			return err
		}
	}
}
