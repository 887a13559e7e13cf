package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"parley/auth"
	"parley/middleware"
	"parley/server"
)

// password is that of all users of a seed, and secret that of all servers.
const (
	password = "correct-horse-battery"
	secret   = "a secret of the benchmark's own alone"
)

// serve starts a parley server of a database.
func serve(ctx context.Context, db *database) (*child, error) {
	return serveWith(ctx, db, server.Settings{})
}

// serveWith is serve with settings beyond those that every server here has.
func serveWith(ctx context.Context, db *database, settings server.Settings) (*child, error) {
	c, err := newChild()
	if err != nil {
		return nil, err
	}
	settings.Listen, settings.Data, settings.Database = "127.0.0.1:0", filepath.Join(c.dir, "data"), db.address
	settings.JWTSecret, settings.AccessTTL, settings.Limits = secret, accessTTL.String(), "off"
	if err := c.startRole(ctx, "parley", settings); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a server: %w", err), c.stop())
	}
	return c, nil
}

// logIn returns an access token.
func (c *child) logIn(ctx context.Context, username string) (string, error) {
	body, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address+"/login", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", errors.New(res.Status)
	}
	var login struct {
		Token string `json:"token"`
	}
	return login.Token, json.NewDecoder(res.Body).Decode(&login)
}

// accessTTL is how long an access token lives.
const accessTTL = 24 * time.Hour

// tokensOf are access tokens of a seed's people, signed as the server signs them: to log a
// thousand users in takes longer than what is measured of them.
func tokensOf(people int) (tokens []string, err error) {
	signer, err := middleware.NewTokens(middleware.TokenOptions{
		Keys: [][]byte{auth.DeriveKey([]byte(secret), "access token")}, TTL: accessTTL,
	})
	if err != nil {
		return nil, err
	}
	tokens = make([]string, people)
	for i := range tokens {
		if tokens[i], _, err = signer.Sign(username(i+1), sessionID(i+1)); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// serveParley is parley as a role.
func serveParley(in *bufio.Reader) error {
	var settings server.Settings
	if err := readSettings(in, &settings); err != nil {
		return err
	}
	ctx := untilStdinEnds(in)
	srv, err := server.Open(ctx, settings, os.Stderr)
	if err != nil {
		return err
	}
	defer srv.Close()
	if _, err := fmt.Println(srv.Addr()); err != nil {
		return err
	}
	return srv.Serve(ctx)
}
