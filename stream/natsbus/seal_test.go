package natsbus

import "testing"

func TestAMessageIsOpenedByAnyOfTheKeysAndNoOther(t *testing.T) {
	current, previous := []byte("the key"), []byte("the key from before")
	keys := [][]byte{current, previous}
	for _, key := range keys {
		if message, ok := unseal(keys, seal(key, []byte("hint"))); !ok || string(message) != "hint" {
			t.Errorf("sealed with %q: %q, %v", key, message, ok)
		}
	}
	if _, ok := unseal(keys[:1], seal(previous, []byte("hint"))); ok {
		t.Error("opened without its key")
	}
	for _, sealed := range []string{"", "short", string(seal(current, []byte("hint"))) + "."} {
		if _, ok := unseal(keys, []byte(sealed)); ok {
			t.Errorf("%q was opened", sealed)
		}
	}
}
