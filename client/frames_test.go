package client

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func filtered(r io.Reader) *frames {
	return &frames{body: io.NopCloser(r), before: func() {}, after: func() {}}
}

// through is what the filter makes of in, however it comes in pieces.
func through(t *testing.T, in string) string {
	t.Helper()
	whole, err := io.ReadAll(filtered(strings.NewReader(in)))
	if err != nil && !errors.Is(err, errFrameTooLong) {
		t.Fatal(err)
	}
	bytewise, err := io.ReadAll(filtered(iotest.OneByteReader(strings.NewReader(in))))
	if err != nil && !errors.Is(err, errFrameTooLong) {
		t.Fatal(err)
	}
	if !bytes.Equal(whole, bytewise) {
		t.Fatalf("%q in one piece gives %q, byte by byte %q", in, whole, bytewise)
	}
	return string(whole)
}

func TestOnlyTheBlankLineMakesAFrame(t *testing.T) {
	first, second := "event: a\ndata: 1\nid: 1\n\n", "event: b\ndata: 2\nid: 2\n\n"
	for cut := range len(second) {
		if got := through(t, first+second[:cut]); got != first {
			t.Errorf("cut after %q: %q", second[:cut], got)
		}
	}
	if got := through(t, first+second); got != first+second {
		t.Errorf("uncut: %q", got)
	}
}

func TestEveryLineEndingMakesTheSameFrames(t *testing.T) {
	want := "event: a\ndata: 1\nid: 1\n\nevent: b\ndata: 2\nid: 2\n\n"
	for _, ending := range []string{"\n", "\r", "\r\n"} {
		if got := through(t, "\uFEFF"+strings.ReplaceAll(want, "\n", ending)); got != want {
			t.Errorf("lines ending in %q: %q", ending, got)
		}
	}
}

func TestALoneCarriageReturnEndsAFrameAtOnce(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	go w.Write([]byte("data: 1\rid: 1\r\r"))
	p := make([]byte, 100)
	n, err := filtered(r).Read(p)
	if err != nil || string(p[:n]) != "data: 1\nid: 1\n\n" {
		t.Errorf("%q, %v", p[:n], err)
	}
}

func TestCommentsAndEmptyFramesAreNotPassedOn(t *testing.T) {
	if got := through(t, ": a\n\n\n\n:\n\n: b\ndata: 1\n: c\nid: 1\n\n: d\n\n"); got != "data: 1\nid: 1\n\n" {
		t.Errorf("%q", got)
	}
}

func TestAFrameWithoutAnIDIsMarked(t *testing.T) {
	if got := through(t, "data: 1\nid: 1\n\nevent: ping\ndata: 2\n\n"); got != "data: 1\nid: 1\n\nevent: ping\ndata: 2\nid:-\n\n" {
		t.Errorf("%q", got)
	}
}

func TestAFrameWithoutEndIsGivenUp(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("data: 1\nid: 1\n\n"), strings.NewReader("data: "), endlessly('x'))
	got, err := io.ReadAll(filtered(endless))
	if !errors.Is(err, errFrameTooLong) || string(got) != "data: 1\nid: 1\n\n" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

type endlessly byte

func (e endlessly) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestWaitingForTheReaderIsNotWaitingForTheService(t *testing.T) {
	waiting, reads := false, 0
	f := &frames{
		body:   io.NopCloser(strings.NewReader("data: 1\nid: 1\n\ndata: 2\nid: 2\n\n")),
		before: func() { waiting = true; reads++ },
		after:  func() { waiting = false },
	}
	p := make([]byte, 4)
	for {
		_, err := f.Read(p)
		if waiting {
			t.Fatal("the watchdog runs while the reader has the turn")
		}
		if err == io.EOF {
			break
		}
	}
	if reads != 2 {
		t.Errorf("the body was waited for %d times, want once for all and once for its end", reads)
	}
}

func FuzzFramesAreWholeHoweverTheyCome(f *testing.F) {
	f.Add("event: a\ndata: 1\nid: 1\n\n")
	f.Add("\uFEFF: c\r\n\r\rdata\r\n\nid: 2\n\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		out := through(t, in)
		if out == "" {
			return
		}
		if !strings.HasSuffix(out, "\n\n") || strings.Contains(out, "\r") {
			t.Fatalf("%q from %q", out, in)
		}
		for frame := range strings.SplitSeq(strings.TrimSuffix(out, "\n\n"), "\n\n") {
			if frame == "" || !strings.Contains("\n"+frame, "\nid:") {
				t.Fatalf("frame %q from %q", frame, in)
			}
		}
		// What has been through it once is left as it is.
		if again := through(t, out); again != out && !strings.Contains(out, "\uFEFF") {
			t.Fatalf("%q became %q", out, again)
		}
	})
}
