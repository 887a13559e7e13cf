package machine

import (
	"os"
	"os/exec"
	"runtime"
)

// Cure returns the one line that brings what is missing when it is typed in the
// project's folder.
//
// Under sudo the line keeps the caller's PATH, because sudo's own has seldom
// the folder that Go lives in, and takes root's home, so that no file of root's
// lands in the caller's caches.
func Cure() string {
	if MayInstall() {
		return "make test-needs"
	}
	return `sudo -H env "PATH=$PATH" make test-needs`
}

// MayInstall says whether this process may install packages: Homebrew refuses
// root, every other manager asks for root.
func MayInstall() bool {
	if Homebrew() {
		return os.Geteuid() != 0
	}
	return os.Geteuid() == 0
}

// Homebrew says whether packages come from Homebrew: on macOS alone, since on
// Linux it stands beside the system's own manager.
func Homebrew() bool {
	if runtime.GOOS != "darwin" {
		return false
	}
	_, err := exec.LookPath("brew")
	return err == nil
}
