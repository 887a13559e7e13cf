package chat

import (
	"errors"
	"strings"
)

// Code is a stable word for the kind of a refusal. Clients decide by it; it is
// the `code` of a problem document and the end of its `type`.
type Code string

// FieldError names one part of a request that is no good, and why.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is a refusal that its addressee may read. Two errors of the same Code
// are the same to [errors.Is].
type Error struct {
	Code Code
	// Detail is a sentence for a person. It holds nothing of the store's or the
	// machine's inside.
	Detail string
	// Fields names the parts of the request that are no good, if any.
	Fields []FieldError
	// Scope is the scope that a script token lacks, where that is the reason.
	Scope Scope
}

func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return string(e.Code) + ": " + e.Detail
	}
	f := e.Fields[0]
	return string(e.Code) + ": " + f.Field + ": " + f.Message
}

// Is implements the comparison of [errors.Is]: by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The refusals that chats, messages and sessions know. Package middleware adds
// those of HTTP.
var (
	// ErrInvalid is the kind of every error that [Invalid] makes.
	ErrInvalid = &Error{Code: "invalid_request", Detail: "The request is not valid."}
	// ErrNotFound answers alike for what does not exist and for what the actor
	// may not know of, so that nobody can tell the two apart.
	ErrNotFound = &Error{Code: "not_found", Detail: "There is nothing here, or nothing that you may see."}
	// ErrNotAMember refuses what a public chat keeps for its members.
	ErrNotAMember = &Error{Code: "not_a_member", Detail: "Join this chat first."}
	// ErrForbidden refuses what the actor's role does not allow.
	ErrForbidden = &Error{Code: "forbidden", Detail: "Your role does not allow this."}
	// ErrReadOnly refuses a guest what changes something.
	ErrReadOnly = &Error{Code: "read_only", Detail: "Guests of this chat read and change nothing."}
	// ErrInsufficientScope refuses what a script token was not made for. The one of a scope
	// that is lacking is made by [InsufficientScope].
	ErrInsufficientScope = &Error{Code: "insufficient_scope", Detail: "This script token was not made for this."}
	// ErrChatExists refuses an id that a chat has, or had before it was deleted.
	ErrChatExists = &Error{Code: "chat_exists", Detail: "This id belongs to a chat already, or did before that chat was deleted."}
	// ErrTooManyChats refuses one membership more than a user may have.
	ErrTooManyChats = &Error{Code: "too_many_chats", Detail: "This user is in as many chats as one user may be: leave another one first."}
	// ErrTooManyTokens refuses one script token more than a user may have.
	ErrTooManyTokens = &Error{Code: "too_many_tokens", Detail: "This user has as many script tokens as one user may have: revoke another one first."}
	// ErrBadScriptToken refuses a script token without saying what is wrong with it. Its code
	// is that of every access token that is no good.
	ErrBadScriptToken = &Error{Code: "invalid_token", Detail: "The script token is not valid, has expired or was revoked."}
	// ErrLastOwner keeps a chat from losing its only owner.
	ErrLastOwner = &Error{Code: "last_owner", Detail: "The last owner can neither leave nor step down: make another owner first, or delete the chat."}
	// ErrLastAdmin keeps the service from losing its only admin.
	ErrLastAdmin = &Error{Code: "last_admin", Detail: "The last admin stays one: make another admin first."}
	// ErrInviteNotFound refuses an invite that is unknown, used up, expired, or no good any
	// more. It does not say which.
	ErrInviteNotFound = &Error{Code: "invite_not_found", Detail: "This invite is not valid: it is wrong, used up, or has expired."}
	// ErrIdempotencyMismatch refuses a ClientID that came before with other
	// content.
	ErrIdempotencyMismatch = &Error{Code: "idempotency_mismatch", Detail: "This client_id was used for a message with another text or reply_to."}
	// ErrDeleted refuses to change a message that was deleted.
	ErrDeleted = &Error{Code: "deleted", Detail: "This message was deleted."}
	// ErrPreconditionFailed refuses to change a message that has changed since the caller
	// saw it.
	ErrPreconditionFailed = &Error{Code: "precondition_failed", Detail: "The message has changed since: read it again."}
	// ErrTooManyReactions refuses one emoji more than a message may have.
	ErrTooManyReactions = &Error{Code: "too_many_reactions", Detail: "This message has as many different reactions as one message may have."}
	// ErrSessionEnded refuses an actor whose session is over or whose user is
	// disabled.
	ErrSessionEnded = &Error{Code: "session_ended", Detail: "This session is over: log in again."}
	// ErrInvalidToken refuses an access token without saying what is wrong with it.
	ErrInvalidToken = &Error{Code: "invalid_token", Detail: "The access token is not valid or has expired: refresh it, or log in again."}
	// ErrUnavailable says that the store could not be reached in time, and that
	// whether the request took effect is not known. Repeating it with the same
	// ClientID is safe.
	ErrUnavailable = &Error{Code: "unavailable", Detail: "The service cannot do this now; try again shortly."}

	// ErrTooManyStreams refuses one stream more than there may be.
	ErrTooManyStreams = TooManyStreams("Too many streams are open here; try again shortly.")

	// ErrUsernameTaken refuses a username that somebody has or had.
	ErrUsernameTaken = &Error{Code: "username_taken", Detail: "This username is taken."}
	// ErrWeakPassword is the kind of every error that [WeakPassword] makes.
	ErrWeakPassword = &Error{Code: "weak_password", Detail: "This password is too easy to guess: choose another one."}
	// ErrBadCredentials refuses a login. It does not say what was wrong.
	ErrBadCredentials = &Error{Code: "invalid_credentials", Detail: "The username or the password is wrong."}
	// ErrWrongPassword refuses what a signed-in user has to confirm by a password.
	ErrWrongPassword = &Error{Code: "wrong_password", Detail: "The password is wrong."}
	// ErrBadTicket refuses a stream ticket that is forged, used, expired, or of another page,
	// path or session than asks.
	ErrBadTicket = &Error{Code: "invalid_ticket", Detail: "This stream ticket is not valid here: ask for a new one."}
	// ErrBadRefreshToken refuses a refresh token that is unknown, spent or of a
	// session that is over.
	ErrBadRefreshToken = &Error{Code: "invalid_refresh_token", Detail: "This refresh token is not valid: log in again."}
	// ErrRateLimited refuses what is asked too often.
	ErrRateLimited = &Error{Code: "rate_limited", Detail: "Too many requests of this kind: ask again after the time that the header Retry-After names."}
	// ErrBusy refuses work that would wait too long behind that of others.
	ErrBusy = &Error{Code: "busy", Detail: "Too many are asking for this at once; try again shortly."}
)

// TooManyStreams refuses a stream and says whose are too many.
func TooManyStreams(detail string) *Error {
	return &Error{Code: "too_many_streams", Detail: detail}
}

// WeakPassword refuses a new password that would be guessed soon.
func WeakPassword(field, message string) *Error {
	return &Error{Code: ErrWeakPassword.Code, Detail: ErrWeakPassword.Detail, Fields: []FieldError{{Field: field, Message: message}}}
}

// MaxOwnedTold is how many chats [LastOwnerOf] names.
const MaxOwnedTold = 3

// LastOwnerOf is [ErrLastOwner] of an account that alone owns these chats.
func LastOwnerOf(chats []string) *Error {
	named := strings.Join(chats[:min(len(chats), MaxOwnedTold)], ", ")
	if len(chats) > MaxOwnedTold {
		named += " and more"
	}
	return &Error{Code: ErrLastOwner.Code, Detail: "This account alone owns chats that others are in: make another owner there first, or delete them: " + named + "."}
}

// InsufficientScope refuses what needs a scope that a script token has not.
func InsufficientScope(lacking Scope) *Error {
	return &Error{Code: ErrInsufficientScope.Code, Detail: "This needs a script token with the scope " + lacking.String() + ".", Scope: lacking}
}

// Invalid refuses one field of a request.
func Invalid(field, message string) *Error {
	return invalid([]FieldError{{Field: field, Message: message}})
}

func invalid(fields []FieldError) *Error {
	return &Error{Code: ErrInvalid.Code, Detail: ErrInvalid.Detail, Fields: fields}
}

// Checks joins what several checks found into one refusal, so that a client learns
// of all its mistakes at once; nil if all found nothing. An error that [Invalid]
// did not make stands alone.
func Checks(errs ...error) error {
	var fields []FieldError
	for _, err := range errs {
		if err == nil {
			continue
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Code != ErrInvalid.Code || len(refused.Fields) == 0 {
			return err
		}
		fields = append(fields, refused.Fields...)
	}
	if fields == nil {
		return nil
	}
	return invalid(fields)
}
