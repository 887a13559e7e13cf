//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"

	"parley/chat"
)

// Two processes take posts for the same chats at the same time, and the log that
// both make has no hole: not in the positions, which count everything, and in no
// chat's seq. Whoever is told that his message is written writes the next one
// behind it.
func TestTheLogThatTwoInstancesWriteHasNoHole(t *testing.T) {
	t.Parallel()
	const writers, chats, each = 32, 4, 40
	a, b := twoInstances(t)
	people := []*person{newPerson(t, a), newPerson(t, b), newPerson(t, a), newPerson(t, b)}
	chatIDs := make([]string, chats)
	for i := range chatIDs {
		chatIDs[i] = people[0].makeChat(people[1:]...)
	}
	tokens := make(map[*process][]string)
	for _, who := range people {
		for _, p := range []*process{a, b} {
			tokens[p] = append(tokens[p], who.login(p).Token)
		}
	}

	// From here on nothing is written but these posts.
	answered := make([][]chat.Message, writers)
	start := make(chan struct{})
	var posting sync.WaitGroup
	for w := range writers {
		posting.Go(func() {
			p := []*process{a, b}[w%2]
			token := tokens[p][w/2%len(people)]
			<-start
			for i := range each {
				var m chat.Message
				if !postOnce(t, p, token, chatIDs[(w+i)%chats], fmt.Sprintf("writer %d, post %d", w, i), &m) {
					t.Errorf("writer %d: post %d was not taken", w, i)
					return
				}
				answered[w] = append(answered[w], m)
			}
		})
	}
	close(start)
	posting.Wait()

	written := make(map[int64]chat.Message)
	for w, messages := range answered {
		for i, m := range messages {
			if i > 0 && m.ID <= messages[i-1].ID {
				t.Errorf("writer %d: post %d is at %d, behind %d of the post before", w, i, m.ID, messages[i-1].ID)
			}
			if other, twice := written[m.ID]; twice {
				t.Errorf("%q and %q are both at %d", other.Text, m.Text, m.ID)
			}
			written[m.ID] = m
		}
	}
	positions := slices.Sorted(maps.Keys(written))
	if len(positions) != writers*each {
		t.Fatalf("%d posts have %d positions", writers*each, len(positions))
	}
	if first, last := positions[0], positions[len(positions)-1]; last-first+1 != writers*each {
		t.Errorf("%d posts lie between %d and %d", writers*each, first, last)
	}

	for i, chatID := range chatIDs {
		for _, p := range []*process{a, b} {
			seqs, told := wholeChat(t, p, tokens[p][0], chatID)
			for n, seq := range seqs {
				if seq != int64(n+1) {
					t.Fatalf("%s, chat %d: event %d has seq %d", p.URL, i, n+1, seq)
				}
			}
			// Its members' joins, and a chat's share of the posts.
			if want := len(people) + writers*each/chats; len(seqs) != want {
				t.Errorf("%s, chat %d: %d events, should be %d", p.URL, i, len(seqs), want)
			}
			for _, m := range told {
				if !reflect.DeepEqual(m, written[m.ID]) {
					t.Errorf("%s, chat %d: it tells %+v and answered %+v", p.URL, i, m, written[m.ID])
				}
			}
		}
	}
}

// wholeChat is what a chat's stream replays from its beginning: each event's seq,
// and the messages among them, whose positions must ascend.
func wholeChat(t *testing.T, p *process, token, chatID string) (seqs []int64, messages []chat.Message) {
	t.Helper()
	f := mustOpenFeed(t, p.URL+"/chats/"+chatID+"/stream?after=earliest", token, "")
	defer f.close()
	var last int64
	for {
		b, err := f.next()
		if err != nil {
			t.Fatalf("%s: before ready: %v", chatID, err)
		}
		if b.Name == "ready" {
			return seqs, messages
		}
		if !b.HasData {
			continue
		}
		var event struct {
			Seq int64 `json:"seq"`
		}
		if err := json.Unmarshal([]byte(b.Data), &event); err != nil {
			t.Fatalf("%v in %s", err, b.Data)
		}
		seqs = append(seqs, event.Seq)
		id, err := strconv.ParseInt(b.ID, 10, 64)
		if err != nil || id <= last {
			t.Errorf("%s: %q comes behind %d", chatID, b.ID, last)
		}
		last = id
		if b.Name == "" {
			messages = append(messages, messageOf(t, b))
		}
	}
}
