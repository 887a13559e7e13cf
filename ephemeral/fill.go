package ephemeral

import (
	"context"
	"fmt"

	"parley/chat"
	"parley/client"
)

// Contents is what a server holds once it is filled, by the names that tests know: where it
// is, and what they need to speak to it.
type Contents struct {
	URL   string          `json:"url"`
	Users map[string]User `json:"users"`
	Chats map[string]Chat `json:"chats"`
}

// User is a user with all by which a test may act for it. Token is a script token with every
// scope: it lives for a year, and reaches neither passwords nor administration, for which a
// test logs in.
type User struct {
	Password string `json:"password"`
	Token    string `json:"token"`
	Admin    bool   `json:"admin"`
}

// Chat is a chat with its members and the ids of its messages, oldest first.
type Chat struct {
	Title      string               `json:"title"`
	Visibility chat.Visibility      `json:"visibility"`
	Members    map[string]chat.Role `json:"members"`
	Messages   []int64              `json:"messages"`
}

// Fill makes tokens, chats and messages of the seed, through the server at url. It is done
// once.
func (p *Place) Fill(ctx context.Context, url string) (Contents, error) {
	f := filling{
		clients:  make(map[string]*client.Client),
		contents: Contents{URL: url, Users: make(map[string]User), Chats: make(map[string]Chat)},
	}
	for i, u := range p.seed.Users {
		if err := f.user(ctx, u); err != nil {
			return Contents{}, at(err, "/users/%d", i)
		}
	}
	for i, ch := range p.seed.Chats {
		if err := f.chat(ctx, ch); err != nil {
			return Contents{}, at(err, "/chats/%d", i)
		}
	}
	for i, m := range p.seed.Messages {
		if err := f.message(ctx, m); err != nil {
			return Contents{}, at(err, "/messages/%d", i)
		}
	}
	return f.contents, nil
}

// filling is what Fill has made so far.
type filling struct {
	clients  map[string]*client.Client
	contents Contents
}

func (f *filling) user(ctx context.Context, u SeedUser) error {
	c := client.New(f.contents.URL)
	if _, err := c.LogIn(ctx, u.Username, u.Password); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	token, err := c.CreateToken(ctx, chat.TokenRequest{Name: "ephemeral", Scopes: []string{"read", "post", "manage"}})
	if err != nil {
		return fmt.Errorf("making a token: %w", err)
	}
	f.clients[u.Username] = c
	f.contents.Users[u.Username] = User{u.Password, token.Secret, u.Admin}
	return nil
}

func (f *filling) chat(ctx context.Context, ch SeedChat) error {
	owner := f.clients[ch.Owner]
	made, err := owner.CreateChat(ctx, chat.NewChat{ID: ch.ID, Title: ch.Title, Visibility: ch.visibility()})
	if err != nil {
		return fmt.Errorf("making the chat: %w", err)
	}
	for i, m := range ch.Members {
		if _, err := owner.PutMember(ctx, ch.ID, m.Username, m.role()); err != nil {
			return at(err, "/members/%d", i)
		}
	}
	f.contents.Chats[ch.ID] = Chat{made.Title, made.Visibility, ch.roles(), []int64{}}
	return nil
}

func (f *filling) message(ctx context.Context, m SeedMessage) error {
	posted, err := f.clients[m.Author].Post(ctx, chat.Post{Chat: m.Chat, Text: m.Text})
	if err != nil {
		return fmt.Errorf("posting: %w", err)
	}
	ch := f.contents.Chats[m.Chat]
	ch.Messages = append(ch.Messages, posted.Message.ID)
	f.contents.Chats[m.Chat] = ch
	return nil
}
