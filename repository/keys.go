package repository

import (
	"context"
	"fmt"
)

// postHashKey names the key by which a repeated post is compared with the first.
const postHashKey = "post hash"

// keepKey is the key of that name. It lives with the data: the first process that opens the
// database stores its seed, and all others have that from then on, whatever theirs is.
func (r *Repository) keepKey(ctx context.Context, name string, seed []byte) (key []byte, err error) {
	if _, err := r.beside(ctx, `INSERT INTO keys (name, key) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, seed); err != nil {
		return nil, fmt.Errorf("keeping the key %q: %w", name, err)
	}
	return read(ctx, r, func(ctx context.Context, h handle) (key []byte, err error) {
		err = h.get(ctx, &key, `SELECT key FROM keys WHERE name = ?`, name)
		return key, err
	})
}
