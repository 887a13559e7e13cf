package repository

import "parley/repository/posts"

// messageRow is a message as it is stored.
type messageRow = posts.MessageRow

// messageColumns are those of a messageRow, from a table messages called m.
const messageColumns = posts.MessageColumns
