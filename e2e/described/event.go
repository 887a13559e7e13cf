package described

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Event holds an event of a stream to its schema: a line of NDJSON, or a server-sent event put
// into that form by [Object].
func Event(object []byte) []string {
	// A page of a stream holds events of the same schema, and is what the library can read.
	page := `{"events":[` + string(object) + `],"cursor":0}`
	r, err := http.NewRequest("GET", "http://parley/stream", http.NoBody)
	if err != nil {
		return []string{err.Error()}
	}
	judging.Lock()
	defer judging.Unlock()
	_, errs := read().answers.ValidateHttpResponse(r, &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(page)), Request: r,
	})
	return answerLines(errs)
}

// Object is a server-sent event as NDJSON has it. An empty id is none, an empty name "message".
func Object(name, id, data string) []byte {
	if name == "" {
		name = "message"
	}
	var b bytes.Buffer
	quoted, _ := json.Marshal(name) // a text has a form
	b.WriteString(`{"event":` + string(quoted))
	if id != "" {
		b.WriteString(`,"id":` + id)
	}
	b.WriteString(`,"data":` + data + `}`)
	return b.Bytes()
}
