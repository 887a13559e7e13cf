package machine

// Node and NPM return the paths of Node.js and of the program that installs its packages, and
// say false when there is none.
func Node() (string, bool) { return firstProgram("node") }
func NPM() (string, bool)  { return firstProgram("npm") }
