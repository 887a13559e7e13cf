package chat

// Action is one thing that an actor may ask for.
type Action uint8

// Of what is decided by more than the route, such as whom a change of a membership is
// about, the store names the action.
const (
	NoAction Action = iota

	ReadOwnUser
	ChangeOwnUser
	ChangeOwnPassword
	CloseOwnAccount
	ReadOwnSessions
	EndOwnSessions
	ReadOwnTokens
	MakeOwnTokens
	RevokeOwnTokens
	MakeTicket

	ReadUsers
	ChangeUsers
	DeleteUsers
	MakeUsers
	ManageBotTokens
	MakeSignUpInvites
	ManageAllInvites

	ListChats
	CreateChat
	ReadChat
	JoinChat
	LeaveChat
	ReadMembers
	ChangeChat
	ManageMembers
	ManageOwners
	DeleteChat
	MakeChatInvites
	ReadInvites
	RevokeInvites
	UseInvite

	FollowAll
	FollowChat
	ReadMessages
	PostMessage
	EditMessage
	DeleteOwnMessage
	DeleteMessage
	React
	EraseMessages
	ShowTyping
	MarkRead
	ReadMarkers
	ReadPresence

	actions
)

// right is what an action takes. What is not said in it is refused.
type right struct {
	// name is what the action does, for docs/authorisation.md.
	name string
	// scope is the scope that a script token needs; 0 is that none gives it.
	scope Scope
	// admin says that the user must be an admin of the service.
	admin bool
	// own says that it takes a sign-in of this service: what is made by it outlives a token of
	// another issuer.
	own bool
	// about says what the action is about; least is the least role in the chat that it is
	// about: noRole for one who only may know of the chat.
	about subject
	least Role
}

// subject is what an action is about.
type subject uint8

const (
	// The first is none: the action is about the actor itself, other users, or the service.
	_ subject = iota
	// aboutChat: one chat, which the request names.
	aboutChat
	// aboutManyChats: all chats that the actor may know of. A script token that is
	// restricted to some is shown those.
	aboutManyChats
	// aboutNewChat: a chat that there is not yet, or that the request does not name. A
	// script token that is restricted to some chats never gives it.
	aboutNewChat
)

// noRole is the role of one who is no member of a chat.
const noRole Role = ""

// rights is the one table by which every request is decided.
var rights = [actions]right{
	ReadOwnUser:       {name: "read one's own user", scope: ScopeRead},
	ChangeOwnUser:     {name: "change one's own display name", scope: ScopeManage},
	ChangeOwnPassword: {name: "change one's own password"},
	CloseOwnAccount:   {name: "close one's own account"},
	ReadOwnSessions:   {name: "list one's own sessions"},
	EndOwnSessions:    {name: "end one's own sessions"},
	ReadOwnTokens:     {name: "list one's own script tokens"},
	MakeOwnTokens:     {name: "make a script token for oneself", own: true},
	RevokeOwnTokens:   {name: "revoke one's own script tokens"},
	MakeTicket:        {name: "make a stream ticket", scope: ScopeRead},

	ReadUsers:         {name: "list and read users", admin: true},
	ChangeUsers:       {name: "disable and enable users, make and unmake admins, set passwords", admin: true},
	DeleteUsers:       {name: "delete users", admin: true},
	MakeUsers:         {name: "make users where signing up is closed, and bots", admin: true},
	ManageBotTokens:   {name: "make, list and revoke the script tokens of bots", admin: true},
	MakeSignUpInvites: {name: "invite people to sign up, and to any chat with it", admin: true},
	ManageAllInvites:  {name: "list and revoke everybody's invites", admin: true},

	ListChats:       {name: "list one's own chats, and the public ones", scope: ScopeRead, about: aboutManyChats},
	CreateChat:      {name: "create a chat", scope: ScopeManage, about: aboutNewChat},
	ReadChat:        {name: "read a chat's title", scope: ScopeRead, about: aboutChat},
	JoinChat:        {name: "join a public chat", scope: ScopeManage, about: aboutChat},
	LeaveChat:       {name: "leave a chat", scope: ScopeManage, about: aboutChat},
	ReadMembers:     {name: "list a chat's members", scope: ScopeRead, about: aboutChat, least: RoleGuest},
	ChangeChat:      {name: "change a chat's title and visibility", scope: ScopeManage, about: aboutChat, least: RoleAdmin},
	ManageMembers:   {name: "add and remove members, change their roles", scope: ScopeManage, about: aboutChat, least: RoleAdmin},
	ManageOwners:    {name: "make, unmake and remove owners", scope: ScopeManage, about: aboutChat, least: RoleOwner},
	DeleteChat:      {name: "delete a chat", scope: ScopeManage, about: aboutChat, least: RoleOwner},
	MakeChatInvites: {name: "invite people to a chat", scope: ScopeManage, about: aboutChat, least: RoleAdmin},
	ReadInvites:     {name: "list one's own invites", scope: ScopeManage, about: aboutNewChat},
	RevokeInvites:   {name: "revoke one's own invites", scope: ScopeManage, about: aboutNewChat},
	UseInvite:       {name: "join a chat by an invite", scope: ScopeManage, about: aboutNewChat},

	FollowAll:    {name: "follow all of one's chats", scope: ScopeRead, about: aboutManyChats},
	FollowChat:   {name: "follow a chat", scope: ScopeRead, about: aboutChat, least: RoleGuest},
	ReadMessages: {name: "read a chat's messages", scope: ScopeRead, about: aboutChat, least: RoleGuest},
	PostMessage:  {name: "post a message", scope: ScopePost, about: aboutChat, least: RoleMember},

	EditMessage:      {name: "edit one's own message", scope: ScopePost, about: aboutChat, least: RoleMember},
	DeleteOwnMessage: {name: "delete one's own message", scope: ScopePost, about: aboutChat, least: RoleMember},
	DeleteMessage:    {name: "delete another's message", scope: ScopePost, about: aboutChat, least: RoleAdmin},
	React:            {name: "react to a message", scope: ScopePost, about: aboutChat, least: RoleMember},
	EraseMessages:    {name: "erase the messages of an account that was closed", admin: true, about: aboutChat},
	ShowTyping:       {name: "signal typing in a chat", scope: ScopePost, about: aboutChat, least: RoleMember},
	MarkRead:         {name: "move one's own read marker", scope: ScopeRead, about: aboutChat, least: RoleGuest},
	ReadMarkers:      {name: "list a chat's read markers", scope: ScopeRead, about: aboutChat, least: RoleGuest},
	ReadPresence:     {name: "list who is present in a chat", scope: ScopeRead, about: aboutChat, least: RoleGuest},
}

// Standing is what the store knows of an actor, and of how it stands to the chat that an
// action is about, at the moment when the action is decided.
type Standing struct {
	// Live says that the actor's session has not ended and that the user is not disabled.
	Live bool
	// Admin says that the user is an admin of the service.
	Admin bool
	// Visibility is the chat's; empty where there is no such chat.
	Visibility Visibility
	// Role is the actor's in the chat; empty for one who is no member.
	Role Role
}

// Decide decides whether an actor may do something: nil, or why not. It is the one function
// by which every request is decided, inside the store's own transaction. chatID is the chat
// that the action is about, if it is about one. [ErrInsufficientScope], [ErrSessionEnded],
// [ErrNotFound] for a chat that the actor may not know of, [ErrNotAMember], [ErrReadOnly],
// [ErrForbidden].
func Decide(actor Actor, action Action, chatID string, s Standing) error {
	if err := actor.Covers(action, chatID); err != nil {
		return err
	}
	r := &rights[action]
	switch {
	case actor.Kind == Operator && r.admin:
		return nil
	case !s.Live:
		return ErrSessionEnded
	case r.admin && !s.Admin:
		return ErrForbidden
	case r.about != aboutChat:
		return nil
	case s.Role == noRole && s.Visibility != Public:
		return ErrNotFound
	case r.least == noRole:
		return nil
	case s.Role == noRole:
		return ErrNotAMember
	case s.Role.atLeast(r.least):
		return nil
	case s.Role == RoleGuest:
		return ErrReadOnly
	}
	return ErrForbidden
}

// Covers decides what the credential alone decides, before anything is asked of the store.
// [ErrInsufficientScope] names the scope that is lacking. chatID is empty where the request
// names no chat, or does so only in its body.
func (a Actor) Covers(action Action, chatID string) error {
	r := &rights[action]
	if a.Kind != ScriptToken {
		if r.name == "" || r.own && a.Kind == ForeignToken {
			return ErrForbidden
		}
		return nil
	}
	restricted := a.Chats != AllChats
	switch {
	case r.scope == 0:
		return ErrInsufficientScope
	case a.Scopes&r.scope == 0:
		return InsufficientScope(r.scope)
	case restricted && r.about == aboutNewChat:
		return ErrInsufficientScope
	case restricted && r.about == aboutChat && chatID != "" && !a.Chats.Has(chatID):
		return ErrInsufficientScope
	}
	return nil
}

// atLeast says whether the role allows all that another one does.
func (r Role) atLeast(least Role) bool { return r.rank() >= least.rank() }

func (r Role) rank() int {
	switch r {
	case RoleGuest:
		return 1
	case RoleMember:
		return 2
	case RoleAdmin:
		return 3
	case RoleOwner:
		return 4
	}
	return 0
}
