package described

import (
	"bytes"
	"encoding/json"
)

// Event holds an event of a stream to its schema: a line of NDJSON, or a server-sent event put
// into that form by [Object]. It calls deviates with each deviation, in one line, before the next
// [Wait] returns.
func Event(object []byte, deviates func(line string)) {
	judgeLater(Question{Event: object}, deviates)
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
