package rates

import (
	"math"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"parley/chat"
)

// The delays between wrong passwords of one account from one place.
const (
	// freeFailures are those after which there is none.
	freeFailures = 10
	// firstDelay doubles with each failure, up to longestDelay.
	firstDelay   = time.Second
	longestDelay = 5 * time.Minute
	// longestKnown is the longest where the account was signed in to before.
	longestKnown = 30 * time.Second
	// failuresLast is how long after the last failure all of them are forgotten.
	failuresLast = time.Hour
)

// SignIns slows down the guessing of passwords. An attempt that turns out wrong counts
//
//   - for its account at its place, behind which further ones have to wait ever longer. The place
//     is the session, if the client has one of the account's, else the address;
//   - for its address, whatever the accounts;
//   - for its account, from wherever it comes, of which it takes hundreds to be refused.
//
// The last two are not held against a session, nor against an address from which the account was
// signed in to before. So strangers' wrong guesses elsewhere, however many, do not keep out a user
// who comes back from the same address; strangers at that address make the user wait for half a
// minute at most. Whether there is such an account makes no difference to any of this.
//
// Its methods may be called by many goroutines at once. A nil SignIns limits nothing.
type SignIns struct {
	share               *Share
	addresses, accounts *Meter
	// known are the addresses that an account was signed in from, as far as remembered.
	known *lru.Cache[origin, struct{}]

	mu       sync.Mutex
	failures table
}

// origin is an account and an address that it is signed in from; "" is one that is unknown.
type origin struct{ account, address string }

func newSignIns(share *Share, addresses, accounts *Meter) *SignIns {
	known, err := lru.New[origin, struct{}](maxBuckets)
	if err != nil {
		panic(err) // for a size that is not positive
	}
	return &SignIns{share: share, addresses: addresses, accounts: accounts, known: known, failures: newTable(maxBuckets)}
}

// Attempt is one try of a password. It counts as wrong until [Attempt.End]: guesses that are
// sent at once are no cheaper than those that wait for their answers.
type Attempt struct {
	signIns *SignIns
	origin  origin
	// place names what failures are counted by: the account, and the session or else the
	// address; empty where neither is known.
	place string
	// known says that the account was signed in to before, and that nothing but the place's own
	// failures is held against the attempt.
	known bool
	// before is until when the place's failures were remembered, and until since.
	before, until time.Duration
}

// Begin begins an attempt, and describes in the answer's header where it stands. account is the
// name that the client gives. address is empty where it is unknown; session is one of the account's
// that the client has shown to have, or empty. A [*Refusal] where the attempt has to wait.
func (s *SignIns) Begin(h http.Header, account, address, session string) (*Attempt, error) {
	if s == nil {
		return nil, nil
	}
	if chat.CheckUsername(account) != nil {
		account = nobody
	}
	a := &Attempt{signIns: s, origin: origin{account, address}}
	a.known = session != "" || s.known.Contains(a.origin)
	switch {
	case session != "":
		a.place = account + " session " + session
	case address != "":
		a.place = account + " address " + address
	}
	standing := a.count()
	if err := standing.Err(); err != nil {
		return nil, err
	}
	if err := a.charge(); err != nil {
		a.settle(Undecided)
		return nil, err
	}
	standing.Describe(h)
	return a, nil
}

// nobody is the account of all that is no username.
const nobody = "?"

// charge counts an attempt for its account and its address, if they are held against it.
func (a *Attempt) charge() error {
	if a.known {
		return nil
	}
	if err := a.signIns.addresses.Take(a.origin.address).Err(); err != nil {
		return err
	}
	if err := a.signIns.accounts.Take(a.origin.account).Err(); err != nil {
		a.signIns.addresses.Return(a.origin.address)
		return err
	}
	return nil
}

// Outcome is what came of an attempt.
type Outcome int

const (
	// Wrong is a password that was wrong.
	Wrong Outcome = iota
	// Right is one that was right.
	Right
	// Undecided is one that was not looked at.
	Undecided
)

// End says what came of the attempt.
func (a *Attempt) End(o Outcome) {
	if a == nil {
		return
	}
	if o != Wrong && !a.known {
		a.signIns.accounts.Return(a.origin.account)
		a.signIns.addresses.Return(a.origin.address)
	}
	if o == Right && a.origin.address != "" {
		a.signIns.known.Add(a.origin, struct{}{})
	}
	a.settle(o)
}

// count counts a failure at the attempt's place, unless it has to wait. Of several instances
// each sees a part of the failures, so each counts for more.
func (a *Attempt) count() Standing {
	if a.place == "" {
		return Standing{}
	}
	s := a.signIns
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.failures.now()
	b := s.failures.find(a.place)
	if b.until <= at {
		b.failures = 0
	}
	divisor := s.share.divisor()
	t := newTerms(Limit{"sign-ins", freeFailures, failuresLast}, divisor)
	if wait := b.until - failuresLast + a.delayBehind(b.failures) - at; wait > 0 {
		return Standing{terms: t, next: wait, refused: true}
	}
	b.failures += divisor
	a.before, a.until = b.until, at+failuresLast
	b.until = a.until
	s.failures.moved(b)
	if b.failures >= freeFailures {
		return Standing{terms: t, next: a.delayBehind(b.failures)}
	}
	return Standing{terms: t, remaining: int(math.Ceil((freeFailures - b.failures) / divisor)), next: failuresLast}
}

// settle has the delay begin with the answer, or takes back the attempt's failure, or, if it was
// right, all that its place has.
func (a *Attempt) settle(o Outcome) {
	s := a.signIns
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.failures.known(a.place)
	if b == nil {
		return
	}
	switch o {
	case Wrong:
		b.until = s.failures.now() + failuresLast
	case Right:
		b.failures, b.until = 0, 0
	case Undecided:
		b.failures = max(0, b.failures-s.share.divisor())
		if b.until == a.until { // no other attempt came between
			b.until = a.before
		}
	}
	s.failures.moved(b)
}

// delayBehind is how long to wait behind so many failures.
func (a *Attempt) delayBehind(failures float64) time.Duration {
	if failures < freeFailures {
		return 0
	}
	longest := longestDelay
	if a.known {
		longest = longestKnown
	}
	doublings := min(failures-freeFailures, 16) // more are beyond the longest
	return min(time.Duration(math.Exp2(doublings)*float64(firstDelay)), longest)
}
