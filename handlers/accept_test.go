package handlers

import (
	"net/http"
	"testing"
)

func TestTheMostSpecificRangeDecidesAndTheHighestQualityWins(t *testing.T) {
	offers := []string{typeJSON, typeText}
	for _, row := range []struct {
		accept []string
		want   string
	}{
		{nil, typeJSON},
		{[]string{""}, typeJSON},
		{[]string{"*/*"}, typeJSON},
		{[]string{"text/plain"}, typeText},
		{[]string{"TEXT/PLAIN; charset=utf-8"}, typeText},
		{[]string{"text/*"}, typeText},
		{[]string{"text/plain, */*"}, typeJSON},
		{[]string{"text/plain, */*;q=0.5"}, typeText},
		{[]string{"application/json;q=0.1", "text/plain;q=0.2"}, typeText},
		{[]string{"application/json;q=0, */*"}, typeText},
		{[]string{"application/json;q=0"}, ""},
		{[]string{"text/html"}, ""},
		{[]string{"text/plain;q=x, application/json"}, typeJSON},
	} {
		got, ok := negotiate(http.Header{"Accept": row.accept}, offers)
		if got != row.want || ok != (row.want != "") {
			t.Errorf("%q: %q", row.accept, got)
		}
	}
}
