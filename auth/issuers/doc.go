// Package issuers lets users of other issuers in by the tokens that those sign.
//
// What is believed is set by an operator, for each issuer: its name, the audience, the
// algorithms, and where its keys are. A token chooses among the keys by its kid and decides
// nothing else: jku, x5u, x5c and jwk in its header are not looked at.
//
// Each issuer has keys of its own. They are read when the server starts, again every few
// minutes, and when a token names one that is not known; that at most every few seconds. A
// source that is down, slow or broken is logged once a minute. The keys known by then go on
// working, and no other issuer's tokens wait for it.
package issuers
