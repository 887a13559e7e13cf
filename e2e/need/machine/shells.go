package machine

// Bash, Zsh and Fish return the paths of the shells, and say false when there is none.
func Bash() (string, bool) { return firstProgram("bash") }
func Zsh() (string, bool)  { return firstProgram("zsh") }
func Fish() (string, bool) { return firstProgram("fish") }
