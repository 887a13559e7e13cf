package e2e

import (
	"context"
	"os"
	"sync"

	"github.com/chromedp/chromedp"
)

// chromium is the one that the tests share. It starts with the first of them that needs it,
// and ends behind the last.
var chromium sharedChromium

type sharedChromium struct {
	once sync.Once
	ctx  context.Context
	end  func()
	err  error
}

func (c *sharedChromium) start(path string) (context.Context, error) {
	c.once.Do(func() { c.ctx, c.end, c.err = startChromium(path) })
	return c.ctx, c.err
}

func (c *sharedChromium) stop() {
	if c.end != nil {
		c.end()
	}
}

// startChromium starts one, with further flags, and an empty page.
func startChromium(path string, flags ...string) (ctx context.Context, end func(), err error) {
	// Not in a test's own folder: a browser that is slow to end writes to it while it is
	// removed, and would fail the test.
	profile, err := os.MkdirTemp(suite.folder, "browser-")
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	for _, flag := range flags {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	// Not a test's context, which ends before the picture of its page is taken.
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endPage := chromedp.NewContext(allocator)
	end = func() { endPage(); endAllocator() }
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, nil, err
	}
	return ctx, end, nil
}
