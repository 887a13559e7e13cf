package repository

import (
	"context"
	"database/sql"
	"fmt"
)

// eraseSlice is how many texts go at a time. The posts of others wait behind a
// slice, for as long as a full batch of posts would keep them.
const eraseSlice = 500

// eraseTexts takes the texts from a deleted chat's newest messages that still
// have one, and says whether any are left. How far it has come is the chat's
// last_message, which nobody else reads of a deleted chat; so erasing goes on
// after a restart where it was.
func (tx *transaction) eraseTexts(ctx context.Context, chatID string) (more bool, err error) {
	var last sql.NullInt64
	err = tx.get(ctx, &last, `SELECT last_message FROM chats WHERE id = ? AND deleted_pos IS NOT NULL`, chatID)
	if err != nil || !last.Valid {
		return false, err
	}
	var slice []int64
	err = tx.all(ctx, &slice, `SELECT m.id`+backward, chatID, last.Int64+1, eraseSlice+1)
	if err != nil {
		return false, err
	}
	first, next := slice[len(slice)-1], sql.NullInt64{}
	if more = len(slice) > eraseSlice; more {
		first, next = slice[eraseSlice-1], sql.NullInt64{Int64: slice[eraseSlice], Valid: true}
	}
	_, err = tx.exec(ctx, `UPDATE messages SET text = '' WHERE chat = ? AND id BETWEEN ? AND ?`, chatID, first, last.Int64)
	if err != nil {
		return false, err
	}
	_, err = tx.exec(ctx, `UPDATE chats SET last_message = ? WHERE id = ?`, next, chatID)
	return more, err
}

// halfErased are the deleted chats that have a text left. The index chats_deleted
// does not ask for last_message too, because PostgreSQL writes a new version of a row
// into all indexes where a column changes that one of them asks for, and this one
// changes with every post.
func (h handle) halfErased(ctx context.Context) (chats []string, err error) {
	err = h.all(ctx, &chats, `SELECT id FROM chats WHERE deleted_pos IS NOT NULL AND last_message IS NOT NULL`)
	return chats, err
}

// erase takes the texts from deleted chats until none is left. It is a background job, so that a
// chat with a million messages is deleted as fast as any other and holds up nobody's
// posts.
func (r *Repository) erase(ctx context.Context) error {
	chats, err := read(ctx, r, func(ctx context.Context, h handle) ([]string, error) {
		return h.halfErased(ctx)
	})
	if err != nil {
		return fmt.Errorf("looking for deleted chats: %w", err)
	}
	for _, chatID := range chats {
		for more := true; more; {
			more, err = write(ctx, r, func(ctx context.Context, tx *transaction) (bool, error) {
				return tx.eraseTexts(ctx, chatID)
			})
			if err != nil {
				return fmt.Errorf("erasing a chat: %w", err)
			}
		}
	}
	return nil
}
