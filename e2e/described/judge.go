package described

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
)

// Question is what the judge is asked about, as JSON: one of the two.
type Question struct {
	Exchange *Exchange       `json:",omitzero"`
	Event    json.RawMessage `json:",omitzero"`
}

// judge is a process that answers each [Question] with the list of what is not as described,
// each in one line. It ends with its standard input, and so with the process of the tests.
type judge struct {
	mu      sync.Mutex
	ask     io.Writer
	answers *json.Decoder
	// failed is why nothing is asked any more: what comes behind a failure may be the answer to
	// another question.
	failed error
}

// Start starts the judge, and builds it where nobody has built it yet, which may take a minute.
// What passes before waits for that, so a TestMain calls it. More calls do nothing.
func Start() error {
	j, err := start()
	if err == nil {
		_, err = j.deviations(Question{Event: json.RawMessage(`{}`)})
	}
	return err
}

var start = sync.OnceValues(func() (*judge, error) {
	process := exec.Command("go", "run", "parley/e2e/described/judge")
	process.Stderr = os.Stderr
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	return &judge{ask: in, answers: json.NewDecoder(out)}, nil
})

// deviations asks the judge. That there is none is a deviation, too.
func deviations(q Question) []string {
	j, err := start()
	if err == nil {
		var found []string
		if found, err = j.deviations(q); err == nil {
			return found
		}
	}
	return []string{"nothing can be judged: " + err.Error()}
}

func (j *judge) deviations(q Question) (found []string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return nil, j.failed
	}
	// A question that has no JSON form is not sent.
	question, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	if _, j.failed = j.ask.Write(append(question, '\n')); j.failed == nil {
		j.failed = j.answers.Decode(&found)
	}
	return found, j.failed
}
