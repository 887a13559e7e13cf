package e2e

import (
	"fmt"
	"slices"
	"testing"
)

func TestContractListsArePaged(t *testing.T) {
	p := serve(t)
	ann := newAccount(t, p)
	const chats = 7
	var ids []string
	for range chats {
		ids = append(ids, makeChatOf(t, p, ann, "public"))
	}
	slices.Sort(ids)
	members := []string{ann.name}
	for range 4 {
		who := newAccount(t, p)
		putMember(t, p, ann, ids[0], who, "member")
		members = append(members, who.name)
	}
	slices.Sort(members)

	names := func(list []map[string]any, key string) (names []string) {
		for _, o := range list {
			names = append(names, fmt.Sprint(o[key]))
		}
		return names
	}
	for _, row := range []struct {
		path, query, name, key string
		want                   []string
	}{
		{"/chats", "?", "chats", "id", ids},
		{"/chats", "?visibility=public&", "chats", "id", ids},
		{"/chats/" + ids[0] + "/members", "?", "members", "username", members},
	} {
		t.Run(row.path+row.query, func(t *testing.T) {
			for _, limit := range []int{1, 2, len(row.want) - 1, len(row.want), 500} {
				got := names(listed(t, p, ann, row.path, fmt.Sprintf("%slimit=%d", row.query, limit), row.name), row.key)
				if !slices.Equal(got, row.want) {
					t.Errorf("in pages of %d: %q, want %q", limit, got, row.want)
				}
			}
			as := bearer(ann.token)
			whole := ask(t, p, "GET", row.path+row.query+fmt.Sprintf("limit=%d", len(row.want)), "", as).is(200)
			if link := whole.header.Get("Link"); link != "" {
				t.Errorf("behind the whole list there is %s", link)
			}
			first := ask(t, p, "GET", row.path+row.query+"limit=2", "", as).is(200)
			if list := objects(t, first.fields(row.name)[row.name]); len(list) != 2 {
				t.Errorf("a page of two has %d", len(list))
			}
			behind := ask(t, p, "GET", row.path+row.query+"after="+row.want[1], "", as).is(200)
			if got := names(objects(t, behind.fields(row.name)[row.name]), row.key); !slices.Equal(got, row.want[2:]) {
				t.Errorf("behind %s are %q", row.want[1], got)
			}
			end := ask(t, p, "GET", row.path+row.query+"after=zzz", "", as).is(200)
			if list := objects(t, end.fields(row.name)[row.name]); len(list) != 0 || end.header.Get("Link") != "" {
				t.Errorf("behind the end are %v", list)
			}
			for _, limit := range []string{"0", "501", "-1", "x", ""} {
				ask(t, p, "GET", row.path+row.query+"limit="+limit, "", as).problem(400, "").names("limit")
			}
			for _, after := range []string{"", "%00", "UPPER", "a&after=b"} {
				ask(t, p, "GET", row.path+row.query+"after="+after, "", as).problem(400, "").names("after")
			}
		})
	}
}

func TestContractAPageHasAHundredUnlessToldOtherwise(t *testing.T) {
	p := serve(t)
	ann := newAccount(t, p)
	for range 101 {
		makeChatOf(t, p, ann, "private")
	}
	page := ask(t, p, "GET", "/chats", "", bearer(ann.token)).is(200)
	if list := objects(t, page.fields("chats")["chats"]); len(list) != 100 || page.header.Get("Link") == "" {
		t.Errorf("a page has %d, and Link is %q", len(list), page.header.Get("Link"))
	}
}

func TestContractAUserIsInABoundedNumberOfChats(t *testing.T) {
	p := serve(t, "--max-chats-per-user", "2")
	ann, bob := newAccount(t, p), newAccount(t, p)
	first, second := makeChatOf(t, p, ann, "private"), makeChatOf(t, p, ann, "private")
	square := makeChatOf(t, p, bob, "public")
	as := bearer(ann.token)
	ask(t, p, "POST", "/chats", `{}`, as).problem(409, "too_many_chats")
	ask(t, p, "PUT", "/chats/"+square+"/members/"+ann.name, `{}`, as).problem(409, "too_many_chats")
	ask(t, p, "PUT", "/chats/"+square+"/members/"+ann.name, `{}`, bearer(bob.token)).problem(409, "too_many_chats")
	ask(t, p, "PUT", "/chats/"+first+"/members/"+ann.name, `{}`, as).is(200)
	ask(t, p, "DELETE", "/chats/"+second, "", as).is(204)
	ask(t, p, "PUT", "/chats/"+square+"/members/"+ann.name, `{}`, as).is(200)
	ask(t, p, "POST", "/chats", `{}`, as).problem(409, "too_many_chats")

	unlimited := serve(t, "--max-chats-per-user", "1", "--limits", "off")
	cid := newAccount(t, unlimited)
	makeChatOf(t, unlimited, cid, "private")
	makeChatOf(t, unlimited, cid, "private")
}
