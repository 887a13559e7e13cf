package repository

import (
	"context"

	"parley/chat"
)

// list reads a page. The query's last arguments, behind args, are the id behind which the
// page begins and a limit.
func list[T, Row any](ctx context.Context, h handle, item func(Row) T, q chat.ListQuery, query string, args ...any) (page chat.Page[T], err error) {
	var rows []Row
	if err := h.all(ctx, &rows, query, append(args, q.After, q.Limit+1)...); err != nil {
		return page, err
	}
	if page.More = len(rows) > q.Limit; page.More {
		rows = rows[:q.Limit]
	}
	page.Items = make([]T, len(rows))
	for i, row := range rows {
		page.Items[i] = item(row)
	}
	return page, nil
}
