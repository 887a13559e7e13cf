package chat

import "testing"

func TestTheFirstJSONIsShared(t *testing.T) {
	var e Encoded
	if got := e.Load(); got != nil {
		t.Errorf("before anybody shared it is %q", got)
	}
	if got := e.Share([]byte("first")); string(got) != "first" {
		t.Errorf("the first is given %q", got)
	}
	if got := e.Share([]byte("second")); string(got) != "first" {
		t.Errorf("the second is given %q", got)
	}
	e.Move([]byte("moved"))
	if got := e.Load(); string(got) != "moved" {
		t.Errorf("then it is %q", got)
	}
}

func TestJSONOfNobodyIsSharedWithNobody(t *testing.T) {
	var nobody *Encoded
	if got := nobody.Share([]byte("own")); string(got) != "own" || nobody.Load() != nil {
		t.Errorf("it is %q, and later %q", got, nobody.Load())
	}
}
