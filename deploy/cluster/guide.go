//go:build unix

package main

import (
	"io"
	"text/template"
	"time"
)

// guide says what runs and what to try.
type guide struct {
	Address, Folder string
	Nginx, NATS     running
	Instances       []running
	Pause           time.Duration
}

var guideText = template.Must(template.New("guide").Parse(`
{{define "part"}}{{printf "%-8s  %-21s  process %d" .Name .Address .PID}}
{{end}}{{template "part" .Nginx}}{{range .Instances}}{{template "part" .}}{{end}}{{template "part" .NATS -}}
logs in {{.Folder}}

Open http://{{.Address}}/ in a browser and sign up. Or paste into another terminal:

curl {{.Address}}/users -d username=ann -d password=correct-horse
curl {{.Address}}/login -d username=ann -d password=correct-horse -d cookie=true -c ann.jar
curl {{.Address}}/chats -b ann.jar -d id=lobby
curl {{.Address}}/chats/lobby/messages -b ann.jar -d hello

Kill an instance, and post again. The page goes on, and the whole chat is there, each
message once:

kill -9 {{(index .Instances 0).PID}}
curl {{.Address}}/chats/lobby/messages -b ann.jar -d "still here"
curl "{{.Address}}/chats/lobby/stream?after=earliest&timeout=1s" -b ann.jar

What was killed is started again after {{.Pause}}. Ctrl-C ends everything.
`))

// write prints the guide. Where out does not take it the cluster runs all the same.
func (g guide) write(out io.Writer) { _ = guideText.Execute(out, g) }
