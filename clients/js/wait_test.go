package js

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"parley/e2e/need"
)

// waits calls a service that is unavailable once with each Retry-After, and prints how long
// each call is told to wait, then how long until() waits before it tries again. The timers
// fire at once, so that nothing is waited for.
const waits = `
import { Parley, until } from "./client.mjs";

const now = Date.now();
Date.now = () => now;
const timers = [];
globalThis.setTimeout = (fire, delay) => {
	timers.push(delay);
	queueMicrotask(fire);
};

const fields = JSON.parse(process.argv[2]).map((field) => field.replace(/^in (-?\d+) s$/, (_, seconds) => new Date(now + 1_000 * seconds).toUTCString()));
let field;
const fetch = async () => field === undefined ? new Response("{}") : new Response("{}", { status: 503, headers: field ? { "Retry-After": field } : {} });
const parley = new Parley({ url: "http://127.0.0.1/", token: "a token", fetch });
const told = [];
for (field of fields) {
	await until(() => parley.call("GET", "me"), {
		onTrouble: ({ retryAfter }) => {
			told.push(retryAfter);
			field = undefined;
		},
	});
}
console.log(JSON.stringify({ told, timers }));
`

// A wait that is no number, or more than a timer can hold, would have the client ask without
// a pause.
func TestClientWaitsAsLongAsItIsAskedTo(t *testing.T) {
	const second, hour = 1_000, 3_600_000
	cases := []struct {
		field string
		want  float64 // in milliseconds
	}{
		{"", 0},
		{"0", 0},
		{"7", 7 * second},
		{"3600", hour},
		{"3601", hour},
		{"99999999999999999999", hour},
		{"in 90 s", 90 * second}, // an HTTP date of then
		{"in -90 s", 0},
		{"in 86400 s", hour},
		{"Sunday, 06-Nov-94 08:49:37 GMT", 0},
		{"Fri, 31 Feb 2040 25:00:00 GMT", 0},
		{"-7", 0},
		{"7.5", 0},
		{"1e3", 0},
		{"0x10", 0},
		{"soon", 0},
		{"2199-01-01T00:00:00Z", 0},
	}
	fields := make([]string, 0, len(cases))
	for _, c := range cases {
		fields = append(fields, c.field)
	}
	argument, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, content := range map[string][]byte{"client.mjs": Client, "waits.mjs": []byte(waits)} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := exec.CommandContext(t.Context(), need.Node(t), filepath.Join(folder, "waits.mjs"), string(argument))
	script.Stderr = os.Stderr
	out, err := script.Output()
	if err != nil {
		t.Fatal(err)
	}
	// What is no number is null in JSON.
	var got struct{ Told, Timers []*float64 }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(got.Told) != len(cases) || len(got.Timers) != len(cases) {
		t.Fatalf("of %d calls it told %d and waited %d times", len(cases), len(got.Told), len(got.Timers))
	}
	for i, c := range cases {
		// An HTTP date has whole seconds. Without a wish the client waits for a moment of its own.
		told, timer := got.Told[i], got.Timers[i]
		if told == nil || *told > c.want || *told <= c.want-second && c.want > 0 {
			t.Errorf("Retry-After %q: told to wait %v ms, want %v", c.field, show(told), c.want)
		}
		if timer == nil || *timer < 250 || told != nil && *timer < *told || *timer > max(c.want, second) {
			t.Errorf("Retry-After %q: waits %v ms", c.field, show(timer))
		}
	}
}

// show is a number as it is printed, or that it is none.
func show(number *float64) any {
	if number == nil {
		return "NaN"
	}
	return *number
}
