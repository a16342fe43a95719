//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package bolt

import (
	"errors"
	"time"

	"go.etcd.io/bbolt"
)

// lockFile reports errLocked when another process has the file open. Here it cannot be kept locked meanwhile; that
// stillAt looks at the file again is what is left.
func lockFile(path string) (unlock func(), err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if err == nil {
		err = db.Close()
	} else if !errors.Is(err, errLocked) {
		err = nil // missing or damaged, but not in use
	}
	return func() {}, err
}
