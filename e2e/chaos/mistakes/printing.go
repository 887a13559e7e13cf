package mistakes

// TokenPrinted tells the log what a login gives.
var TokenPrinted = Mistake{Name: "a token printed", Edits: []Edit{
	{"handlers/sessions.go", "	if cookies {\n		a.Cookies.Set(c, login)\n", "	println(\"gave \" + login.Token)\n	if cookies {\n		a.Cookies.Set(c, login)\n"},
}}
