package mistakes

// SequenceAsCursor takes positions from a counter before the transaction begins, as a
// database's sequence does: what is committed first need not be what has the lower position.
var SequenceAsCursor = Mistake{Name: "a sequence as cursor", Edits: []Edit{
	{"repository/postgres/conn.go",
		"func(m *message) { m.ask(questions) }",
		"func(m *message) {\n" +
			"		if n := len(entries); n > 0 {\n" +
			"			m.reset()\n" +
			"			m.statement(begin)\n" +
			"			m.statement(fmt.Sprintf(`UPDATE head SET pos = pos + %d WHERE one = 1 RETURNING pos - %d, writer, batch`, n, n))\n" +
			"			m.statement(`COMMIT`)\n" +
			"			m.statement(`BEGIN`)\n" +
			"		}\n" +
			"		m.ask(questions)\n" +
			"	}"},
	// What joins behind the lock would have no position of its own.
	{"repository/posts/lane.go", "	return l.recall(entry) && decided(entry)\n", "	return l.cache.recall(entry) && false\n"},
	{"repository/postgres/statements.go",
		"UPDATE head SET pos = $1, writer = $11, batch = $12 WHERE one = 1`",
		"UPDATE head SET pos = GREATEST(pos, $1), writer = $11, batch = $12 WHERE one = 1`"},
	{"repository/postgres/statements.go",
		"AS UPDATE head SET pos = $1, writer = $2, batch = $3 WHERE one = 1`",
		"AS UPDATE head SET pos = GREATEST(pos, $1), writer = $2, batch = $3 WHERE one = 1`"},
}}

// NoKey stores a message as often as it is posted.
var NoKey = Mistake{Name: "no key", Edits: []Edit{
	{"repository/posts/entry.go", `return e.ClientID != ""`, `return false`},
	{"repository/posts/decide.go", `ReplyTo: e.ReplyTo, ClientID: e.ClientID,`, `ReplyTo: e.ReplyTo,`},
}}

// KeyBeforeLock looks keys up before it has the lock, and no unique index saves it.
var KeyBeforeLock = Mistake{Name: "key looked up before the lock", Edits: []Edit{
	{"repository/postgres/conn.go",
		"	questions := ask(entries)\n	if after != 0 {\n",
		"	var questions, early []question\n" +
			"	for _, q := range ask(entries) {\n" +
			"		if q.statement == `parley_keys` {\n" +
			"			early = append(early, q)\n" +
			"		} else {\n" +
			"			questions = append(questions, q)\n" +
			"		}\n" +
			"	}\n" +
			"	if len(early) > 0 {\n" +
			"		c.message.reset()\n" +
			"		c.message.ask(early)\n" +
			"		rows, err := c.QueryContext(ctx, string(c.message.text))\n" +
			"		if err != nil {\n" +
			"			return at, nil, err\n" +
			"		}\n" +
			"		err = scan(rows, early, false)\n" +
			"		rows.Close()\n" +
			"		if err != nil {\n" +
			"			return at, nil, err\n" +
			"		}\n" +
			"	}\n" +
			"	if after != 0 {\n"},
	{"migrations/postgres/00006_keys_by_time.sql", "CREATE UNIQUE INDEX CONCURRENTLY messages_key", "CREATE INDEX CONCURRENTLY messages_key"},
}}

// CommitErrorIsFailure takes a lost answer to COMMIT for a transaction that did not happen,
// and does it again, as an autocommit statement is done again by database/sql.
var CommitErrorIsFailure = Mistake{Name: "autocommit insert", Edits: []Edit{
	{"repository/postgres/conn.go", "		return commitlog.Unknown, err\n", "		return commitlog.ConnectionLost, err\n"},
}}

// MembershipOutside reads memberships before the transaction of the post, and a while before it: on
// a busy machine a membership ended too rarely between the two.
var MembershipOutside = Mistake{Name: "membership outside the transaction", Edits: []Edit{
	{"repository/postgres/conn.go", "	\"strconv\"\n", "	\"strconv\"\n	\"time\"\n"},
	{"repository/postgres/conn.go",
		"	questions := ask(entries)\n	if after != 0 {\n",
		"	if err := c.Load(ctx, entries); err != nil {\n" +
			"		return at, nil, err\n" +
			"	}\n" +
			"	before := make([]posts.Facts, len(entries))\n" +
			"	for i, e := range entries {\n" +
			"		before[i] = e.Facts\n" +
			"	}\n" +
			"	time.Sleep(3 * time.Millisecond)\n" +
			"	defer func() {\n" +
			"		for i, e := range entries {\n" +
			"			e.Facts.Role = before[i].Role\n" +
			"		}\n" +
			"	}()\n" +
			"	questions := ask(entries)\n	if after != 0 {\n"},
}}

// CacheOutlivesOthers keeps what is remembered of authors and chats although another
// instance has ended a right since.
var CacheOutlivesOthers = Mistake{Name: "what is remembered outlives another writer", Edits: []Edit{
	{"repository/posts/cache.go", "		if !e.Kind.EndsNoRight() {\n			c.forget()\n			return false\n		}\n", ""},
}}

// PublishBeforeCommit tells readers of events before they are committed.
var PublishBeforeCommit = Mistake{Name: "publish before commit", Edits: []Edit{
	{"repository/posts/lane.go",
		"	o, err := conn.Store(ctx, tx, stored)\n",
		"	var early []chat.Event\n" +
			"	for _, req := range claimed {\n" +
			"		if event, stored := req.Work.event(); stored && req.Err == nil {\n" +
			"			early = append(early, event)\n" +
			"		}\n" +
			"	}\n" +
			"	l.Publish(early)\n" +
			"	o, err := conn.Store(ctx, tx, stored)\n"},
}}

// TextBefore tells readers of an edit with the text that it has replaced.
var TextBefore = Mistake{Name: "an edit with the text before", Edits: []Edit{
	{"repository/posts/change.go", "	changed, err := d.alter(s, e)\n", "	before := s.Message\n	changed, err := d.alter(s, e)\n"},
	{"repository/posts/change.go", "	e.Told, e.Posted.Message = s.Message, s.Message\n", "	e.Told, e.Posted.Message = before, s.Message\n"},
}}

// AuthorFromBody believes the author that a body names.
var AuthorFromBody = Mistake{Name: "author from the body", Edits: []Edit{
	{"handlers/messages.go", "	ClientID *string `json:\"client_id\"`\n}", "	ClientID *string `json:\"client_id\"`\n	Author string `json:\"author\"`\n}"},
	{"handlers/messages.go", "ClientID: key, Origin: origin}", "ClientID: key, Origin: origin, Author: body.Author}"},
	{"chat/message.go", "	Origin string\n}\n\n// Posted is", "	Origin string\n	Author string\n}\n\n// Posted is"},
	{"repository/posts/decide.go", "Author: e.Actor.Username, Text:", "Author: cmp.Or(e.Post.Author, e.Actor.Username), Text:"},
	{"repository/posts/decide.go", "import (\n", "import (\n	\"cmp\"\n\n"},
}}

// NoJump lets the log of a database that was put back go on where it stands.
var NoJump = Mistake{Name: "jump not written", Edits: []Edit{
	{"repository/life.go", "		_, err = tx.jump()\n", "		err = nil\n"},
}}
