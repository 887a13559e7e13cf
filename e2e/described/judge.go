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
	// mu is held while a question is written.
	mu  sync.Mutex
	ask io.Writer
	// asked are those who wait for an answer, in the order of their questions.
	asked chan func(found []string, err error)
}

// Start starts the judge, and builds it where nobody has built it yet, which may take a minute.
// What passes before waits for that, so a TestMain calls it. More calls do nothing.
func Start() error {
	j, err := start()
	if err != nil {
		return err
	}
	answered := make(chan error)
	j.put([]byte("{}"), func(_ []string, err error) { answered <- err })
	return <-answered
}

// Wait returns once all that passed before has been judged, and told of where it deviates.
// Who sends does not wait for it: the judge may be behind, where many tests want the processors.
func Wait() { _ = Start() }

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
	j := &judge{ask: in, asked: make(chan func([]string, error), 1000)}
	go j.listen(json.NewDecoder(out))
	return j, nil
})

// judgeLater asks the judge, and calls deviates with each line of its answer. That nothing can
// be judged is a deviation, too.
func judgeLater(q Question, deviates func(line string)) {
	told := func(found []string, err error) {
		if err != nil {
			found = []string{"nothing can be judged: " + err.Error()}
		}
		for _, line := range found {
			deviates(line)
		}
	}
	j, err := start()
	if err != nil {
		told(nil, err)
		return
	}
	question, err := json.Marshal(q)
	if err != nil {
		told(nil, err)
		return
	}
	j.put(question, told)
}

// put asks a question. It waits where the judge is a thousand behind.
func (j *judge) put(question []byte, told func(found []string, err error)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked <- told
	_, _ = j.ask.Write(append(question, '\n')) // who does not read does not answer, either
}

// listen hands each answer to whom it is for. Behind a failure, what comes may be the answer to
// another question.
func (j *judge) listen(answers *json.Decoder) {
	var failed error
	for told := range j.asked {
		var found []string
		if failed == nil {
			failed = answers.Decode(&found)
		}
		told(found, failed)
	}
}
