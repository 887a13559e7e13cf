package handlers

import "testing"

func TestEmojisHaveOneForm(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"👍": "👍", "👍🏽": "👍🏽", "❤": "❤️", "❤️": "❤️", "❤‍🔥": "❤️‍🔥", "❤️‍🔥": "❤️‍🔥",
		"👨‍👩‍👧": "👨‍👩‍👧", "🇩🇪": "🇩🇪", "1⃣": "1️⃣", "☂": "☂️", "🏳️‍🌈": "🏳️‍🌈", "🏳‍🌈": "🏳️‍🌈",
		"🙂‍↔️": "🙂‍↔️", "🙂‍↔": "🙂‍↔️", "🫩": "🫩", // Emoji 15.1 and 16.0
		"a": "", "1": "", "": "", "👍👍": "", "👍 ": "", "\uFE0F": "", "🇩": "",
	} {
		if got := fullEmojis()[withoutSelectors(given)]; got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}
