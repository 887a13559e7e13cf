package middleware_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/gin-gonic/gin"

	"parley/middleware"
)

func TestTheAddressIsTheLastThatIsNoTrustedProxys(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, row := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.7:1234", nil, "192.0.2.7"},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"},
		{"127.0.0.1:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:1234", []string{"203.0.113.9, 198.51.100.1, 10.1.2.3"}, "198.51.100.1"},
		{"127.0.0.1:1234", []string{"203.0.113.9", "198.51.100.1:5555"}, "198.51.100.1"},
		{"127.0.0.1:1234", []string{"[2001:db8:1:2:3:4:5:6]:443"}, "2001:db8:1:2::/64"},
		{"127.0.0.1:1234", []string{"2001:db8:1:2:3:4:5:6"}, "2001:db8:1:2::/64"},
		{"127.0.0.1:1234", []string{"203.0.113.9, unknown"}, ""},
		{"127.0.0.1:1234", nil, ""},
		{"10.0.0.1:1234", []string{"10.0.0.2"}, ""},
		{"[::1]:1234", nil, ""},
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest("GET", "/", nil)
		c.Request.RemoteAddr = row.peer
		for _, value := range row.forwarded {
			c.Request.Header.Add("X-Forwarded-For", value)
		}
		middleware.Forwarded(trusted)(c)
		if got := middleware.AddressOf(c); got != row.want {
			t.Errorf("%s, forwarded for %q: %q, want %q", row.peer, row.forwarded, got, row.want)
		}
	}
}
