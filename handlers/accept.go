package handlers

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"parley/chat"
	"parley/middleware"
)

// negotiate picks the media type that the Accept header likes best among those
// offered; the first of them where there is no preference (RFC 9110 section
// 12.5.1). It is false where none is accepted.
func negotiate(header http.Header, offers []string) (string, bool) {
	ranges := acceptRanges(header)
	if len(ranges) == 0 {
		return offers[0], true
	}
	best, bestQuality := "", 0.0
	for _, offer := range offers {
		if q := quality(ranges, offer); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	return best, bestQuality > 0
}

type acceptRange struct {
	media   string
	quality float64
}

// acceptRanges reads the Accept header. What cannot be read in it is left out.
func acceptRanges(header http.Header) []acceptRange {
	var ranges []acceptRange
	for _, line := range header.Values("Accept") {
		for element := range strings.SplitSeq(line, ",") {
			media, params, err := mime.ParseMediaType(element)
			if err != nil {
				continue
			}
			r := acceptRange{media: media, quality: 1}
			if q, given := params["q"]; given {
				if r.quality, err = strconv.ParseFloat(q, 64); err != nil {
					continue
				}
			}
			ranges = append(ranges, r)
		}
	}
	return ranges
}

// quality is what the most specific range that offer is in says of it.
func quality(ranges []acceptRange, offer string) float64 {
	group, _, _ := strings.Cut(offer, "/")
	for _, media := range []string{offer, group + "/*", "*/*"} {
		for _, r := range ranges {
			if r.media == media {
				return r.quality
			}
		}
	}
	return 0
}

func notAcceptable(offers []string) error {
	return &chat.Error{
		Code:   middleware.ErrNotAcceptable.Code,
		Detail: "This is answered as " + strings.Join(offers, " or ") + ": send an Accept header that takes it, or none.",
	}
}
