package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"parley/chat"
)

// versionTag is a strong validator of a message (RFC 9110 section 8.8.3): all its users are
// shown another one after each of its events, and the same until then.
func versionTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// tags are those of the header If-Match or If-None-Match, whose lines are one list (RFC 9110
// section 5.3). A tag that is none of a message's stands for no version.
type tags struct {
	given, any bool
	versions   []int64
}

// has says whether the header names a version of a message that there is.
func (t tags) has(version int64) bool { return t.any || slices.Contains(t.versions, version) }

// tagsOf reads a header. Weak tags are taken for strong ones if weak says so, and otherwise stand
// for no version.
func tagsOf(header http.Header, name string, weak bool) (t tags) {
	lines := header.Values(name)
	list := strings.Join(lines, ",")
	t.given, t.any = len(lines) > 0, strings.TrimSpace(list) == "*"
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if version, ok := chat.ParsePosition(strings.Trim(tag, `"`)); ok && tag == versionTag(version) {
			t.versions = append(t.versions, version)
		}
	}
	return t
}

// ifMatch compares strongly (RFC 9110 section 13.1.1), and ifNoneMatch weakly (13.1.2).
func ifMatch(header http.Header) tags     { return tagsOf(header, "If-Match", false) }
func ifNoneMatch(header http.Header) tags { return tagsOf(header, "If-None-Match", true) }

// preconditionOf is what a request that changes a message asks of it (RFC 9110 section 13.2.2).
func preconditionOf(header http.Header) chat.Precondition {
	match, none := ifMatch(header), ifNoneMatch(header)
	if none.any { // no message at all
		return chat.Precondition{Set: true}
	}
	return chat.Precondition{Set: match.given && !match.any, Versions: match.versions, Except: none.versions}
}
