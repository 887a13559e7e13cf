package issuers

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func TestATokenOfEachAlgorithmIsRead(t *testing.T) {
	t.Parallel()
	p := pairs()
	s := newSource(t, jwks(jwk("r", p.rsa), jwk("e", p.ec), jwk("d", p.ed)))
	d := newDesk(t, byURL(s), bySecret())
	for algorithm, key := range map[string]any{"RS256": p.rsa, "PS256": p.rsa, "ES256": p.ec, "EdDSA": p.ed} {
		for _, kid := range []string{map[string]string{"RS256": "r", "PS256": "r", "ES256": "e", "EdDSA": "d"}[algorithm], ""} {
			header := `{"alg":"` + algorithm + `"}`
			if kid != "" {
				header = `{"alg":"` + algorithm + `","kid":"` + kid + `"}`
			}
			f, err := d.Verify(t.Context(), forge(algorithm, key, header, says(nil)))
			if err != nil || f.Username != "ann@id" || f.Subject != "subject-1" || !f.Expires.Equal(noon.Add(time.Hour)) || !f.Issued.Equal(noon) {
				t.Errorf("%s, kid %q: %+v, %v", algorithm, kid, f, err)
			}
		}
	}
	f, err := d.Verify(t.Context(), forge("HS256", []byte(sharedSecret), `{"alg":"HS256"}`, says(map[string]any{"iss": "app"})))
	if err != nil || f.Username != "ann@app" || f.Issuer != "app" {
		t.Errorf("HS256: %+v, %v", f, err)
	}
}

func TestNothingButAGoodTokenIsRead(t *testing.T) {
	t.Parallel()
	p := pairs()
	s, own := newSource(t, jwks(jwk("r", p.rsa), jwk("e", p.ec))), newSource(t, jwks(jwk("r", p.otherRSA)))
	other := byURL(newSource(t, jwks(jwk("o", p.otherRSA))))
	other.Issuer, other.Namespace = "https://other.example", "other"
	pinned := byURL(s)
	pinned.Issuer, pinned.Namespace, pinned.Algorithms = "https://pinned.example", "pinned", []string{"ES256"}
	d := newDesk(t, byURL(s), bySecret(), other, pinned)

	der, err := x509.MarshalPKIXPublicKey(&p.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	pkix := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&p.rsa.PublicKey)})
	embedded, err := json.Marshal(jwk("r", p.otherRSA))
	if err != nil {
		t.Fatal(err)
	}
	const head = `{"alg":"RS256","kid":"r"}`
	good := says(nil)
	headed := func(header string) string { return forge("RS256", p.rsa, header, good) }
	by := func(key *rsa.PrivateKey, header string) string { return forge("RS256", key, header, good) }
	hs256 := func(key []byte, header string) string { return forge("HS256", key, header, good) }
	payload := func(text string) string { return forge("RS256", p.rsa, head, text) }
	set := func(name string, value any) string { return rs256("r", map[string]any{name: value}) }
	more := func(member string) string { return payload(good[:len(good)-1] + "," + member + "}") }
	raw := func(name, value string) string {
		return payload(says(map[string]any{name: nil})[:len(says(map[string]any{name: nil}))-1] + `,"` + name + `":` + value + `}`)
	}
	parts := strings.Split(headed(head), ".")
	soon := noon.Unix() + 1
	bad := map[string]string{
		"alg none":                     parts[0] + "." + parts[1] + ".",
		"alg none, said":               strings.TrimRight(forge("", nil, `{"alg":"none"}`, good), "A"),
		"alg None":                     hs256(nil, `{"alg":"None"}`),
		"alg in lower case":            headed(`{"alg":"rs256","kid":"r"}`),
		"alg a list":                   headed(`{"alg":["RS256"],"kid":"r"}`),
		"no alg":                       headed(`{"kid":"r"}`),
		"alg twice":                    headed(`{"alg":"HS256","alg":"RS256","kid":"r"}`),
		"HS256 by the PEM (PKIX)":      hs256(pkix, `{"alg":"HS256","kid":"r"}`),
		"HS256 by the trimmed PEM":     hs256([]byte(strings.TrimSpace(string(pkix))), `{"alg":"HS256","kid":"r"}`),
		"HS256 by the PEM (PKCS 1)":    hs256(pkcs1, `{"alg":"HS256","kid":"r"}`),
		"HS256 by the DER":             hs256(der, `{"alg":"HS256","kid":"r"}`),
		"HS256 by the modulus":         hs256(p.rsa.N.Bytes(), `{"alg":"HS256","kid":"r"}`),
		"HS256, empty key":             hs256([]byte{}, `{"alg":"HS256"}`),
		"HS256, short key":             hs256([]byte("secret"), `{"alg":"HS256"}`),
		"HS256, the other's secret":    hs256([]byte(sharedSecret), `{"alg":"HS256"}`),
		"RS512":                        headed(`{"alg":"RS512","kid":"r"}`),
		"said PS256, is RS256":         headed(`{"alg":"PS256","kid":"r"}`),
		"ES256 by an RSA kid":          forge("ES256", p.ec, `{"alg":"ES256","kid":"r"}`, good),
		"another key":                  by(p.otherRSA, head),
		"another key, no kid":          by(p.otherRSA, `{"alg":"RS256"}`),
		"another issuer's key":         forge("RS256", p.otherRSA, `{"alg":"RS256","kid":"o"}`, good),
		"its key, another issuer":      rs256("r", map[string]any{"iss": "https://other.example"}),
		"an algorithm not pinned":      rs256("r", map[string]any{"iss": "https://pinned.example"}),
		"the secret's issuer by RS256": rs256("r", map[string]any{"iss": "app"}),
		"kid a path":                   by(p.otherRSA, `{"alg":"RS256","kid":"../../../../dev/null"}`),
		"kid a path, empty key":        hs256([]byte{}, `{"alg":"HS256","kid":"/dev/null"}`),
		"kid SQL":                      by(p.otherRSA, `{"alg":"RS256","kid":"x' UNION SELECT 'secret'--"}`),
		"kid a URL":                    by(p.otherRSA, `{"alg":"RS256","kid":"`+own.URL+`"}`),
		"kid a number":                 headed(`{"alg":"RS256","kid":7}`),
		"jku":                          by(p.otherRSA, `{"alg":"RS256","kid":"r","jku":"`+own.URL+`"}`),
		"jku, unknown kid":             by(p.otherRSA, `{"alg":"RS256","kid":"new","jku":"`+own.URL+`"}`),
		"x5u":                          by(p.otherRSA, `{"alg":"RS256","kid":"r","x5u":"`+own.URL+`"}`),
		"x5c":                          by(p.otherRSA, `{"alg":"RS256","kid":"r","x5c":["AAAA"]}`),
		"an embedded key":              by(p.otherRSA, `{"alg":"RS256","jwk":`+string(embedded)+`}`),
		"an embedded secret":           hs256([]byte("mine"), `{"alg":"HS256","jwk":{"kty":"oct","k":"`+b64([]byte("mine"))+`"}}`),
		"crit":                         headed(`{"alg":"RS256","kid":"r","crit":["exp"],"exp":1}`),
		"crit b64":                     headed(`{"alg":"RS256","kid":"r","crit":["b64"],"b64":true}`),
		"no signature":                 parts[0] + "." + parts[1],
		"four parts":                   strings.Join(parts, ".") + ".x",
		"five parts":                   strings.Join(parts, ".") + ".x.y",
		"changed payload":              parts[0] + "." + b64([]byte(says(map[string]any{"sub": "bob"}))) + "." + parts[2],
		"as JSON":                      `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"sub twice":                    more(`"sub":"bob"`),
		"iss twice":                    more(`"iss":"https://other.example"`),
		"exp twice":                    more(`"exp":99999999999`),
		"a name twice":                 more(`"preferred_username":"root"`),
		"no sub":                       set("sub", nil),
		"sub empty":                    set("sub", ""),
		"sub a number":                 set("sub", 7),
		"sub null":                     raw("sub", "null"),
		"sub with NUL":                 set("sub", "a\x00b"),
		"sub endless":                  set("sub", strings.Repeat("s", maxText+1)),
		"sub no UTF-8":                 raw("sub", "\"\xff\""),
		"sid a number":                 set("sid", 7),
		"jti a list":                   set("jti", []string{"j"}),
		"no aud":                       set("aud", nil),
		"another aud":                  set("aud", "mail"),
		"auds without this one":        set("aud", []string{"mail", "calendar", "chat2"}),
		"no auds":                      set("aud", []string{}),
		"auds of many kinds":           set("aud", []any{"chat", 7}),
		"aud an object":                set("aud", map[string]string{"chat": "chat"}),
		"no iss":                       set("iss", nil),
		"iss a list":                   set("iss", []string{issuerName}),
		"iss with a slash":             set("iss", issuerName+"/"),
		"iss, ours":                    set("iss", "parley"),
		"no exp":                       set("exp", nil),
		"exp null":                     raw("exp", "null"),
		"exp now":                      set("exp", noon.Unix()),
		"exp a second ago":             set("exp", noon.Unix()-1),
		"exp zero":                     set("exp", 0),
		"exp negative":                 set("exp", -1),
		"exp a string":                 set("exp", fmt.Sprint(soon+60)),
		"exp a fraction":               raw("exp", fmt.Sprint(soon+60)+".5"),
		"exp with a zero behind":       raw("exp", fmt.Sprint(soon+60)+".0"),
		"exp with an exponent":         raw("exp", "4e9"),
		"exp 1e300":                    raw("exp", "1e300"),
		"exp beyond int64":             raw("exp", "18446744073709551616"),
		"exp beyond what can be shown": raw("exp", "253402300800"),
		"exp NaN":                      raw("exp", "NaN"),
		"nbf in a second":              set("nbf", soon),
		"nbf a string":                 set("nbf", "1"),
		"nbf huge":                     raw("nbf", "1e300"),
		"iat far ahead":                set("iat", noon.Add(leeway+time.Second).Unix()),
		"iat a fraction":               raw("iat", "1.5"),
		"payload null":                 payload("null"),
		"payload a list":               payload("[]"),
		"payload broken":               payload(good[:len(good)-1]),
		"payload and more":             payload(good + "{}"),
		"payload empty":                payload(""),
		"900 KB of claims":             rs256("r", map[string]any{"x": strings.Repeat("x", 900_000)}),
		"900 KB of header":             headed(`{"alg":"RS256","kid":"` + strings.Repeat("k", 900_000) + `"}`),
		"900 KB of dots":               strings.Repeat(".", 900_000),
		"nothing":                      "",
		"rubbish":                      "abc",
	}
	for name, token := range bad {
		if f, err := d.Verify(t.Context(), token); !errors.Is(err, chat.ErrInvalidToken) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		if actor, listed, err := d.Admit(t.Context(), token); listed && err == nil || actor != (chat.Actor{}) {
			t.Errorf("%s: admitted as %+v", name, actor)
		}
	}
	if own.asked.Load() != 0 || d.admissions() != 0 {
		t.Errorf("%d keys were fetched from where a token said, and %d users were stored", own.asked.Load(), d.admissions())
	}
	// What is not attacked gets in.
	for name, token := range map[string]string{
		"good": headed(head), "auds with this one": set("aud", []string{"mail", "chat"}), "exp in a second": set("exp", soon),
		"nbf now": set("nbf", noon.Unix()), "iat ahead by the leeway": set("iat", noon.Add(leeway).Unix()), "iat now": set("iat", noon.Unix()),
		"a jku that is not looked at": headed(`{"alg":"RS256","kid":"r","jku":"` + own.URL + `","x5u":"` + own.URL + `"}`),
	} {
		if _, err := d.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if own.asked.Load() != 0 {
		t.Error("a jku was fetched")
	}
}

func TestANameIsTheClaimOrTheSubjectsOwn(t *testing.T) {
	t.Parallel()
	s := newSource(t, jwks(jwk("r", pairs().rsa)))
	bySub := byURL(s)
	bySub.Issuer, bySub.Namespace, bySub.UsernameClaim = "https://sub.example", "sub", "sub"
	d := newDesk(t, byURL(s), bySub)
	name := func(change map[string]any) string {
		t.Helper()
		f, err := d.Verify(t.Context(), rs256("r", change))
		if err != nil {
			t.Fatal(err)
		}
		if chat.CheckUsername(f.Username) == nil || !strings.HasSuffix(f.Fallback, f.Username[strings.Index(f.Username, "@"):]) {
			t.Errorf("a local name: %+v", f)
		}
		return f.Username
	}
	own := name(map[string]any{"preferred_username": nil})
	user, _, _ := strings.Cut(own, "@")
	if chat.CheckUsername(user) != nil || !strings.HasSuffix(own, "@id") {
		t.Errorf("the subject's own name is %q", own)
	}
	for _, claim := range []any{"", "Ann", "ann@id", "ann b", "-ann", strings.Repeat("a", 33), "änn", 7, []string{"ann"}, map[string]string{}, user} {
		if got := name(map[string]any{"preferred_username": claim}); got != own {
			t.Errorf("the claim %v became %q", claim, got)
		}
	}
	if got := name(map[string]any{"sub": "subject-2", "preferred_username": user}); got == own {
		t.Error("a claim took another subject's own name")
	}
	if got := name(map[string]any{"iss": "https://sub.example", "sub": "bob"}); got != "bob@sub" {
		t.Errorf("by another claim: %q", got)
	}
}

func TestASessionIsTheTokensSidOrJtiOrTheTokenItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, byURL(newSource(t, jwks(jwk("r", pairs().rsa), jwk("e", pairs().ec)))))
	session := func(token string) string {
		t.Helper()
		f, err := d.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Session) != 32 {
			t.Errorf("the session %q", f.Session)
		}
		return f.Session
	}
	of := func(sid, jti any, more map[string]any) string {
		change := map[string]any{"sid": sid, "jti": jti}
		for name, value := range more {
			change[name] = value
		}
		return session(rs256("r", change))
	}
	later := map[string]any{"exp": noon.Add(2 * time.Hour).Unix()}
	bob := map[string]any{"sub": "bob"}
	if of("a", "1", nil) != of("a", "2", later) || of(nil, "1", nil) != of(nil, "1", later) {
		t.Error("one session is two")
	}
	bare := forge("ES256", pairs().ec, `{"alg":"ES256","kid":"e"}`, says(map[string]any{"jti": nil}))
	again := forge("ES256", pairs().ec, `{"alg":"ES256","kid":"e"}`, says(map[string]any{"jti": nil}))
	if bare == again || session(bare) != session(again) {
		t.Error("another signature over the same is another session")
	}
	all := []string{of("a", "1", nil), of("b", "1", nil), of(nil, "a", nil), of(nil, "1", nil), of("a", "1", bob), of(nil, nil, nil), of(nil, nil, later), session(bare)}
	seen := map[string]bool{}
	for i, s := range all {
		if seen[s] {
			t.Errorf("session %d is another one, too", i)
		}
		seen[s] = true
	}
}

func TestADisplayNameIsLegalOrNone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, byURL(newSource(t, jwks(jwk("r", pairs().rsa)))))
	for claim, want := range map[string]string{"Ann Other": "Ann Other", strings.Repeat("a", 65): "", "a\x00b": "", "": ""} {
		if f, err := d.Verify(t.Context(), rs256("r", map[string]any{"name": claim})); err != nil || f.DisplayName != want {
			t.Errorf("%q: %q, %v", claim, f.DisplayName, err)
		}
	}
}

func TestAGoodTokenIsStoredOnceAndEndsAllTheSame(t *testing.T) {
	t.Parallel()
	d := newDesk(t, byURL(newSource(t, jwks(jwk("r", pairs().rsa)))))
	token := rs256("r", nil)
	d.refuse = chat.ErrUnavailable
	if _, _, err := d.Admit(t.Context(), token); !errors.Is(err, chat.ErrUnavailable) {
		t.Errorf("while the store is away: %v", err)
	}
	d.refuse = nil
	for range 3 {
		actor, _, err := d.Admit(t.Context(), token)
		if err != nil || actor.Username != "ann@id" || actor.Session == "" || !actor.Expires.Time().Equal(noon.Add(time.Hour)) {
			t.Errorf("%+v, %v", actor, err)
		}
	}
	if n := d.admissions(); n != 1 {
		t.Errorf("stored %d times", n)
	}
	d.advance(time.Hour - time.Second)
	if _, _, err := d.Admit(t.Context(), token); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	d.advance(time.Second)
	if _, _, err := d.Admit(t.Context(), token); !errors.Is(err, chat.ErrInvalidToken) {
		t.Errorf("at its end: %v", err)
	}
}

func BenchmarkAdmitKnown(b *testing.B) {
	d := newDesk(b, byURL(newSource(b, jwks(jwk("r", pairs().rsa)))))
	token := rs256("r", nil)
	for b.Loop() {
		if _, _, err := d.Admit(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	d := newDesk(f, bySecret())
	good := forge("HS256", []byte(sharedSecret), `{"alg":"HS256"}`, says(map[string]any{"iss": "app"}))
	for _, seed := range []string{"", "..", good, good + ".", strings.Replace(good, ".", "..", 1)} {
		f.Add(seed)
	}
	sum := sha256.Sum256([]byte(good[:strings.LastIndexByte(good, '.')]))
	f.Fuzz(func(t *testing.T, token string) {
		_, err := d.Verify(t.Context(), token)
		signed := token[:max(strings.LastIndexByte(token, '.'), 0)]
		if err == nil && sha256.Sum256([]byte(signed)) != sum {
			t.Errorf("%q is good", token)
		}
	})
}
