//go:build unix

package e2e

import (
	"cmp"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"parley/chat"
	"parley/client"
	"parley/e2e/need"
	"parley/e2e/sse"
)

const (
	// racesOfAKind is how many rights of each kind end, unless PARLEY_RACES says another number;
	// they are shared by victims that race beside one another.
	racesOfAKind, victimsOfAKind = 100, 4
	// endsWithin is how long a stream may outlive its right.
	endsWithin = 5 * time.Second
	// postsBefore is how many posts are answered before a right ends: the second is decided
	// by the authorisation cache.
	postsBefore = 2
)

// TestNothingIsReadOrWrittenBehindAnEnding ends 400 rights, or 2,000 by make chaos, while a
// victim posts through one instance and follows through the other, by a chat's stream or by that
// of all chats.
func TestNothingIsReadOrWrittenBehindAnEnding(t *testing.T) {
	t.Parallel()
	address := need.Postgres(t)
	arguments := append(onPostgres(address), "--bus", "postgres", "--signup", "open", "--limits", "off", "--access-ttl", "1h")
	instances := [2]*process{serve(t, arguments...), serve(t, arguments...)}
	admin := newPerson(t, instances[0]) // the first user is one
	admins := [2]*client.Client{admin.Client, admin.at(instances[1]).Client}
	adminToken := admin.login(instances[0]).Token
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(4)

	var racing sync.WaitGroup
	defer racing.Wait()
	for _, e := range endings {
		for range victimsOfAKind {
			who := newCheapPerson(t, db, instances[0])
			v := &victim{
				ending: e, person: who, token: who.login(instances[0]).Token,
				instances: instances, admins: admins, adminToken: adminToken,
			}
			v.chatID, v.asideID = admin.makeChat(who), admin.makeChat(who)
			racing.Go(func() {
				if err := v.race(); err != nil {
					t.Errorf("%s: %v", e.what, err)
				}
				if err := v.judge(db); err != nil {
					t.Errorf("%s: %v", e.what, err)
				}
			})
		}
	}
}

// newCheapPerson signs somebody up, and sees to it that logging in costs next to nothing: it is
// not hashing that is tested.
func newCheapPerson(t *testing.T, db *sql.DB, p *process) *person {
	t.Helper()
	who := &person{t: t, name: "p" + strings.ToLower(rand.Text()[:12]), password: newPassword()}
	call(t, "POST", p.URL+"/users", "", fmt.Sprintf(`{"username":%q,"password":%q}`, who.name, who.password), http.StatusCreated, nil)
	hash, err := argon2id.CreateHash(who.password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE users SET password_hash = $1 WHERE username = $2`, hash, who.name); err != nil {
		t.Fatal(err)
	}
	return who
}

// ending is one way in which a right ends at a position of the log.
type ending struct {
	what string
	// kind is that of the event at the position.
	kind chat.Kind
	// refused is the status of what is asked behind it.
	refused int
	// byes are how the stream of the chat and that of all chats end. An empty one goes on.
	byes [2]string
	// begin gives the victim the right, and returns the token that it is had by.
	begin func(v *victim) (token string, err error)
	// end ends it through an instance.
	end func(v *victim, instance int, token string) error
}

var endings = []ending{
	{
		what: "removal", kind: chat.KindMemberLeft, refused: http.StatusNotFound, byes: [2]string{"left", ""},
		begin: func(v *victim) (string, error) {
			_, err := v.admins[0].PutMember(v.t.Context(), v.chatID, v.name, "")
			return v.token, err
		},
		end: func(v *victim, instance int, token string) error {
			return v.admins[instance].RemoveMember(v.t.Context(), v.chatID, v.name)
		},
	},
	{
		what: "logout", kind: chat.KindSessionEnded, refused: http.StatusUnauthorized, byes: [2]string{"revoked", "revoked"},
		begin: (*victim).logIn,
		end: func(v *victim, instance int, token string) error {
			return v.ask(instance, "POST", "/logout", token, "", http.StatusNoContent, nil)
		},
	},
	{
		what: "revocation", kind: chat.KindSessionEnded, refused: http.StatusUnauthorized, byes: [2]string{"revoked", "revoked"},
		begin: func(v *victim) (string, error) {
			var made struct{ ID, Token string }
			err := v.ask(0, "POST", "/me/tokens", v.token, `{"name":"of the race","scopes":["read","post"]}`, http.StatusCreated, &made)
			v.scriptToken = made.ID
			return made.Token, err
		},
		end: func(v *victim, instance int, token string) error {
			return v.ask(instance, "DELETE", "/me/tokens/"+v.scriptToken, v.token, "", http.StatusNoContent, nil)
		},
	},
	{
		what: "disabling", kind: chat.KindUserDisabled, refused: http.StatusUnauthorized, byes: [2]string{"revoked", "revoked"},
		begin: func(v *victim) (string, error) {
			if err := v.disable(0, false); err != nil {
				return "", err
			}
			return v.logIn()
		},
		end: func(v *victim, instance int, token string) error { return v.disable(instance, true) },
	},
}

// victim is a user whose right to one chat ends again and again.
type victim struct {
	ending
	*person
	instances [2]*process
	admins    [2]*client.Client
	// adminToken is an admin's.
	adminToken string
	// chatID is the chat of the races. Nothing is said in the other one while a right is had.
	chatID, asideID string
	token           string // of a sign-in that goes on, but for a disabled user
	scriptToken     string // the id of the one that is revoked next
	rounds          []round
}

// round is what was seen of one ending.
type round struct {
	accepted map[string]int64 // the ids of the posts that were taken, by their texts
	refused  []string         // the texts of those that were not
	stream   watched
}

// endingsOfAKind is how many rights of each kind end.
func endingsOfAKind(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("PARLEY_RACES"), strconv.Itoa(racesOfAKind)))
	if err != nil || n < victimsOfAKind {
		t.Fatalf("PARLEY_RACES is %q", os.Getenv("PARLEY_RACES"))
	}
	return n
}

// race ends the victim's right again and again.
func (v *victim) race() error {
	for i := range endingsOfAKind(v.t) / victimsOfAKind {
		r, err := v.round(i)
		if err != nil {
			return fmt.Errorf("race %d: %w", i, err)
		}
		v.rounds = append(v.rounds, r)
	}
	return nil
}

// round ends the victim's right once, through the instance that is posted to or the other.
func (v *victim) round(i int) (r round, err error) {
	here, there, ends, whole := i&1, 1-i&1, i>>1&1, i>>2&1
	token, err := v.begin(v)
	if err != nil {
		return r, err
	}
	watch, err := v.watch(v.instances[there].URL+[]string{"/chats/" + v.chatID + "/stream", "/stream"}[whole], token)
	if err != nil {
		return r, err
	}
	warm, posting := make(chan struct{}), make(chan error, 1)
	go func() { posting <- v.postUntilRefused(i, here, token, &r, warm) }()
	others, quiet := make(chan error, 1), make(chan struct{})
	go func() { others <- v.othersPost(i, quiet) }()
	select {
	case <-warm:
	case err := <-posting:
		close(quiet)
		return r, errors.Join(err, <-others)
	}
	err = v.end(v, ends, token)
	ended := time.Now()
	close(quiet)
	if err != nil { // the posts go on
		return r, errors.Join(err, <-others)
	}
	select {
	case err = <-posting:
	case <-time.After(patience):
		err = errors.New("posts are still taken")
	}
	if err := errors.Join(err, <-others); err != nil {
		return r, err
	}
	if err := v.isOut(i, there, token, &r); err != nil {
		return r, err
	}
	r.stream = <-watch
	if w := r.stream; w.err != nil || w.bye != v.byes[whole] || w.at.Sub(ended) > endsWithin {
		return r, fmt.Errorf("a stream ends %v behind its right with bye %q: %w", w.at.Sub(ended), w.bye, w.err)
	}
	return r, nil
}

// postUntilRefused posts one message after another, and closes warm behind the first ones.
func (v *victim) postUntilRefused(i, instance int, token string, r *round, warm chan<- struct{}) error {
	r.accepted = make(map[string]int64)
	for {
		taken, err := v.postAs(i, instance, token, r)
		if err != nil || !taken {
			return err
		}
		if len(r.accepted) == postsBefore {
			close(warm)
		}
	}
}

// postAs posts one message, whose text tells its race.
func (v *victim) postAs(i, instance int, token string, r *round) (taken bool, err error) {
	text := fmt.Sprintf("post %d of race %d of %s", len(r.accepted)+len(r.refused), i, v.name)
	status, answer, err := send(v.t, "POST", v.instances[instance].URL+"/messages", token, fmt.Sprintf(`{"chat":%q,"text":%q}`, v.chatID, text))
	switch {
	case err != nil:
		return false, err
	case status == v.ending.refused:
		r.refused = append(r.refused, text)
		return false, nil
	case status != http.StatusCreated:
		return false, fmt.Errorf("a post: %d %s", status, answer)
	}
	var m chat.Message
	err = json.Unmarshal(answer, &m)
	r.accepted[text] = m.ID
	return true, err
}

// othersPost posts beside the ending and behind it, and then to the other chat where it can still be read.
func (v *victim) othersPost(i int, quiet <-chan struct{}) error {
	post := func(n int, chatID string) error {
		_, err := v.admins[n%2].Post(v.t.Context(), chat.Post{Chat: chatID, Text: fmt.Sprintf("another's post %d beside race %d of %s", n, i, v.name)})
		return err
	}
	if err := post(0, v.chatID); err != nil {
		return err
	}
	<-quiet
	err := post(1, v.chatID)
	if v.kind == chat.KindMemberLeft { // a stream goes on
		err = errors.Join(err, post(2, v.asideID))
	}
	return err
}

// isOut tries what the victim had a right to.
func (v *victim) isOut(i, instance int, token string, r *round) error {
	if taken, err := v.postAs(i, instance, token, r); taken || err != nil {
		return fmt.Errorf("a post behind the ending: taken %v, %w", taken, err)
	}
	path := []string{"/messages?limit=1", "/stream?timeout=1ms"}[i>>3&1]
	return v.ask(instance, "GET", "/chats/"+v.chatID+path, token, "", v.ending.refused, nil)
}

// watched is what a stream showed of the chat.
type watched struct {
	newest int64  // the newest event but the victim's own leaving
	left   int64  // the position of that, where it was shown
	bye    string // the reason; empty where something of another chat was shown
	at     time.Time
	err    error
}

// watch opens a stream, and reads it to its end or to something of another chat.
func (v *victim) watch(url, token string) (<-chan watched, error) {
	f, err := openFeed(v.t.Context(), url, token, "")
	if err != nil {
		return nil, err
	}
	for ready := false; !ready; {
		b, err := f.next()
		if err != nil {
			f.close()
			return nil, fmt.Errorf("before ready: %w", err)
		}
		ready = b.Name == "ready"
	}
	done := make(chan watched, 1)
	go func() {
		defer f.close()
		var w watched
		for w.at.IsZero() {
			b, err := f.next()
			if err != nil {
				w.err, w.at = err, time.Now()
				break
			}
			w.take(b, v.chatID)
		}
		if w.bye != "" {
			if _, err := f.next(); err != io.EOF {
				w.err = fmt.Errorf("behind bye: %w", err)
			}
		}
		done <- w
	}()
	return done, nil
}

// take notes a block of the stream.
func (w *watched) take(b sse.Block, chatID string) {
	var data struct{ Chat, Reason string }
	if b.HasData {
		w.err = json.Unmarshal([]byte(b.Data), &data)
	}
	switch id, _ := strconv.ParseInt(b.ID, 10, 64); {
	case w.err != nil:
		w.at = time.Now()
	case b.Name == "bye":
		w.bye, w.at = data.Reason, time.Now()
	case !b.HasData || !b.HasID:
	case data.Chat != chatID:
		w.at = time.Now()
	case b.Name == "chat.left":
		w.left = id
	default:
		w.newest = max(w.newest, id)
	}
}

// judge holds what was seen against the log.
func (v *victim) judge(db *sql.DB) error {
	ends, err := v.positions(db)
	if err != nil {
		return err
	}
	stored, err := v.stored(db)
	if err != nil {
		return err
	}
	if len(ends) != len(v.rounds) {
		return fmt.Errorf("%d races, and %d events", len(v.rounds), len(ends))
	}
	var wrong []error
	for i, r := range v.rounds {
		wrong = append(wrong, r.judge(ends[i], stored))
	}
	for text, id := range stored {
		i := slices.IndexFunc(v.rounds, func(r round) bool { return r.accepted[text] == id })
		if i < 0 {
			wrong = append(wrong, fmt.Errorf("%q is stored at %d, and was answered otherwise", text, id))
		}
	}
	return errors.Join(wrong...)
}

// judge holds one race against the position of its ending and what is stored of the victim.
func (r *round) judge(end int64, stored map[string]int64) error {
	var wrong []error
	for text, id := range r.accepted {
		if id > end || stored[text] != id {
			wrong = append(wrong, fmt.Errorf("%q was answered with %d and is stored at %d; the right ended at %d", text, id, stored[text], end))
		}
	}
	for _, text := range r.refused {
		if id, is := stored[text]; is {
			wrong = append(wrong, fmt.Errorf("%q was refused and is stored at %d", text, id))
		}
	}
	w := r.stream
	if w.newest > end || w.left != 0 && w.left != end || w.left == 0 && w.bye == "" {
		wrong = append(wrong, fmt.Errorf("the stream showed %d, and the leaving at %d; the right ended at %d", w.newest, w.left, end))
	}
	return errors.Join(wrong...)
}

// positions are those of the endings, as the log tells them.
func (v *victim) positions(db *sql.DB) (ends []int64, err error) {
	rows, err := db.Query(`SELECT pos FROM events WHERE kind = $1 AND username = $2 ORDER BY pos`, v.kind, v.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var pos int64
		if err := rows.Scan(&pos); err != nil {
			return nil, err
		}
		ends = append(ends, pos)
	}
	return ends, rows.Err()
}

// stored are the positions of the victim's messages, by their texts.
func (v *victim) stored(db *sql.DB) (map[string]int64, error) {
	rows, err := db.Query(`SELECT text, id FROM messages WHERE author = $1`, v.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := make(map[string]int64)
	for rows.Next() {
		var text string
		var id int64
		if err := rows.Scan(&text, &id); err != nil {
			return nil, err
		}
		stored[text] = id
	}
	return stored, rows.Err()
}

// logIn signs the victim in once more.
func (v *victim) logIn() (token string, err error) {
	var login chat.Login
	err = v.ask(0, "POST", "/login", "", fmt.Sprintf(`{"username":%q,"password":%q}`, v.name, v.password), http.StatusOK, &login)
	return login.Token, err
}

// disable disables the victim, or enables it.
func (v *victim) disable(instance int, disabled bool) error {
	return v.ask(instance, "PATCH", "/users/"+v.name, v.adminToken, fmt.Sprintf(`{"disabled":%v}`, disabled), http.StatusOK, nil)
}

// ask sends one request whose answer's status is known, and decodes the answer if into is given.
func (v *victim) ask(instance int, method, path, token, body string, want int, into any) error {
	status, answer, err := send(v.t, method, v.instances[instance].URL+path, token, body)
	switch {
	case err != nil:
		return err
	case status != want:
		return fmt.Errorf("%s %s: %d %s", method, path, status, strings.TrimSpace(string(answer)))
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}
