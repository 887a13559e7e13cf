package chat

// How many elements a page of a list holds.
const (
	DefaultList = 100
	MaxList     = 500
)

// ListQuery asks for a page of a list, whose order is that of the ids' bytes.
type ListQuery struct {
	// After is the id behind which the page begins; empty begins with the first.
	After string
	// Limit is the most that the page holds, from 1 to [MaxList].
	Limit int
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T
	// More says that the list goes on behind the page.
	More bool
}
