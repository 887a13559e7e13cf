package mistakes

// All are the mistakes.
var All = []Mistake{
	SequenceAsCursor, NoKey, KeyBeforeLock, CommitErrorIsFailure, MembershipOutside, CacheOutlivesOthers,
	PublishBeforeCommit, TextBefore, AuthorFromBody, NoJump,
	ReplayBeforeRegistering, ReplayFromCursor, DropWhenFull, HintForEvent, HoleForGone,
	LeftIgnored, EndedIgnored, IDBeforeData, ResetByTail, NilIgnored, TokenPrinted,
}
