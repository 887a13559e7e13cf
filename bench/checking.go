package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"parley/auth"
	"parley/auth/issuers"
	"parley/chat"
	"parley/middleware"
	"parley/repository"
)

const (
	// wantedCheck is within what time a token that was used before is to be checked.
	wantedCheck = 10 * time.Microsecond
	// checksAtOnce is how many checks are one operation: the clock costs as much as some.
	checksAtOnce = 1000
)

// checking measures how long it takes to find out whom a token speaks for that was used before.
// The database is asked by the first use alone, so one of them is enough.
func checking(e *engine, folder string, scale scale) section {
	var o opened
	of := scale.posters
	g := group{
		name:  "checking",
		lasts: scale.seeding,
		open:  func(ctx context.Context) error { return o.open(ctx, e, of) },
		close: o.close,
	}
	l := scale.load(1)
	for _, token := range []struct {
		name string
		// begin makes a token, and what checks it.
		begin func(ctx context.Context) (check func(ctx context.Context) error, end func(), err error)
	}{
		{"own", func(context.Context) (func(context.Context) error, func(), error) { return checkOwn(of) }},
		{"script", func(ctx context.Context) (func(context.Context) error, func(), error) {
			return checkScript(ctx, o.repo, of)
		}},
		{"foreign", func(context.Context) (func(context.Context) error, func(), error) {
			return checkForeign(o.repo, folder)
		}},
	} {
		g.cells = append(g.cells, cell{
			name:  token.name,
			lasts: l.rounds(scale.turns, 1),
			measure: func(ctx context.Context) ([]string, error) {
				check, end, err := token.begin(ctx)
				if err != nil {
					return nil, err
				}
				defer end()
				all, err := l.compare(ctx, scale.turns, func(ctx context.Context, _, _ int) error {
					for range checksAtOnce {
						if err := check(ctx); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return nil, err
				}
				took := all[0].took(0.5) / checksAtOnce
				return []string{token.name, microseconds(float64(took)), fmt.Sprintf("≤ %v", wantedCheck), met(took <= wantedCheck)}, nil
			},
		})
	}
	return section{
		title:   "Checking a token that was used before, medians",
		columns: []string{"token", "took", "wanted", "met"},
		groups:  []group{g},
	}
}

func checkOwn(of seed) (func(context.Context) error, func(), error) {
	tokens, err := middleware.NewTokens(middleware.TokenOptions{Keys: [][]byte{make([]byte, 32)}, TTL: time.Hour})
	if err != nil {
		return nil, nil, err
	}
	actor := of.actor(0)
	text, _, err := tokens.Sign(actor.Username, actor.Session)
	return func(context.Context) error {
		_, err := tokens.Verify(text)
		return err
	}, func() {}, err
}

func checkScript(ctx context.Context, repo *repository.Repository, of seed) (func(context.Context) error, func(), error) {
	token := auth.NewScriptToken()
	if _, err := repo.CreateToken(ctx, of.actor(0), "", token, chat.NewToken{Name: "bench", Scopes: chat.ScopePost, Life: time.Hour}); err != nil {
		return nil, nil, err
	}
	tokens, text := auth.NewScriptTokens(repo, nil), token.Text()
	return func(ctx context.Context) error {
		_, err := tokens.Verify(ctx, text)
		return err
	}, func() {}, nil
}

// checkForeign checks a token of an issuer whose public key is in a file.
func checkForeign(repo *repository.Repository, folder string) (func(context.Context) error, func(), error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	list := filepath.Join(folder, "issuers.json")
	for path, text := range map[string]string{
		list:                               `[{"issuer":"https://id.example","audience":"chat","namespace":"id","username_claim":"sub","jwks_file":"keys.json"}]`,
		filepath.Join(folder, "keys.json"): `{"keys":[{"kid":"one","kty":"OKP","crv":"Ed25519","x":"` + encode(public) + `"}]}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, nil, err
		}
	}
	configs, err := issuers.Read(list)
	if err != nil {
		return nil, nil, err
	}
	set, err := issuers.New(issuers.Options{Issuers: configs, Store: repo})
	if err != nil {
		return nil, nil, err
	}
	text := encode([]byte(`{"alg":"EdDSA","kid":"one"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":"https://id.example","aud":"chat","sub":"bench","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	text += "." + encode(ed25519.Sign(private, []byte(text)))
	return func(ctx context.Context) error {
		_, listed, err := set.Admit(ctx, text)
		if err == nil && !listed {
			err = errors.New("the token's issuer is not listed")
		}
		return err
	}, set.Close, nil
}
