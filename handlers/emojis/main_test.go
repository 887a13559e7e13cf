package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheFileIsWhatTheListSays(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../emojis.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != strings.Join(emojis(), "\n")+"\n" {
		t.Error("emojis.txt is of another list: run  go generate ./handlers")
	}
}
